import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { DataKeys } from "../audit/data-keys.ts";
import { checkLookupKey, Subjects } from "../audit/subjects.ts";
import { Trail } from "../audit/trail.ts";
import { OperatorError } from "../core/operator-error.ts";
import { SecretValue } from "../core/secret-value.ts";
import { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import { KeyEncryptionKey } from "../credentials/kek.ts";
import { openRootKey } from "../credentials/root-key.ts";
import { hashApiKey, newApiKey } from "../identity/api-key.ts";
import { ApiKeys } from "../identity/api-keys.ts";
import { openKeyGuard } from "../identity/key-guard.ts";
import { openSqliteStorage } from "../storage/sqlite/open.ts";
import { UsageProjection } from "../usage/usage-projection.ts";
import { adminServices } from "./admin-services.ts";
import { idleDesk } from "./idle-desk.test-support.ts";
import { openOperators } from "./tokens.ts";
import { trailEvents } from "./trail-events.ts";

const kek = new KeyEncryptionKey(Buffer.alloc(32, 7), "`keys/kek`");
const lookupKey = new SecretValue(randomBytes(32));
const operator = "owner@localhost";
const clock = { now: () => Date.parse("2026-01-05T00:00:00.000Z") };

const people = {
  groups: { finance: ["Ana@example.com"] },
  sign_offs: { default: { approvers: ["group:finance"], quorum: 1, decide_within: 1, use_within: 1 } },
};

interface Keys {
  readonly kek: KeyEncryptionKey;
  readonly lookupKey: SecretValue;
}

/** The parts that have to do with administration, on real storage, put together as compose.ts does it. */
async function start(folder: string, keys: Keys = { kek, lookupKey }) {
  const storage = openSqliteStorage(join(folder, "data"));
  try {
    const mayCreate = (await storage.log.identity()) === null;
    const root = await openRootKey(keys.kek, storage.payloads, mayCreate);
    await checkLookupKey(storage.payloads, keys.lookupKey, "`keys/subject-lookup.key`", mayCreate);
    const trail = await Trail.open({
      store: storage.log,
      signer: noteSigner("gate.example/log", Buffer.alloc(32, 7)),
      headFile: join(folder, "checkpoint"),
      instance: "inst_1",
      version: "0.1.0",
      clock,
      onFault: ({ error }) => {
        throw error;
      },
    });
    const dataKeys = new DataKeys(storage.payloads, keys.kek);
    const subjects = new Subjects({ store: storage.payloads, dataKeys, lookupKey: keys.lookupKey, clock });
    const events = trailEvents(trail, subjects);
    const damaged: string[] = [];
    const guard = await openKeyGuard(root.derive("portcullis/api-key-mac/v1"), join(folder, "ends.json"));
    const apiKeys = await ApiKeys.open(storage.keys, events.keys, new Set(["assistant"]), clock.now, {
      guard,
      onDamaged: ({ id }) => damaged.push(id),
    });
    const known = await openOperators({
      storage,
      subjects,
      events,
      rootKey: root,
      keysFolder: folder,
      config: () => people,
      log: { error: ({ token }: { readonly token: string }) => void damaged.push(token) },
    });
    const services = adminServices({
      ...idleDesk({ store: storage.approvals, trail, subjects, dataKeys, rootKey: root, log: storage.log }),
      keys: apiKeys,
      secrets: new EmbeddedSecretStore(storage.secrets, keys.kek, events.secrets, clock.now),
      log: storage.log,
      trail,
      standing: async () => [],
      usage: new UsageProjection(storage.log, storage.usage),
      usageStore: storage.usage,
      policies: {
        counters: [],
        revision: "0".repeat(64),
        decide: () => assert.fail("nothing is decided here"),
      },
      revisions: storage.revisions,
      operators: {
        known,
        operatorHolder: { file: null },
        current: () => true,
      },
    });
    const close = async (): Promise<void> => {
      await trail.close();
      await storage.close();
    };
    return { storage, subjects, apiKeys, known, services, damaged, close };
  } catch (fault) {
    await storage.close();
    throw fault;
  }
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-admin-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** What a driver never does: anything to the database behind the gateway's back. */
function tamper(folder: string, sql: string, ...values: readonly (string | number | null)[]): void {
  const database = new DatabaseSync(join(folder, "data", "portcullis.db"));
  assert.equal(database.prepare(sql).run(...values).changes, 1);
  database.close();
}

test("operators are on record by pseudonyms that only the erasable store can name", async (t) => {
  const gateway = await start(newFolder(t));
  const { services, subjects, storage } = gateway;
  const made = await services.keys.create("assistant", operator);
  assert.ok(made.ok);
  assert.ok((await services.keys.rotate(made.value.id, operator)).ok);
  assert.ok((await services.keys.revoke(made.value.id, operator)).ok);
  assert.ok((await services.secrets.set("providers/openai", new SecretValue("sk-1"), operator)).ok);
  assert.ok((await services.secrets.destroy("providers/openai", operator)).ok);

  const leaves = (await storage.log.read(0, 100)).map(({ leaf }) => {
    assert.ok(!Buffer.from(leaf).includes(operator), "no leaf names anybody");
    const parsed = parseLeaf(leaf);
    assert.ok(parsed.ok);
    return parsed.value;
  });
  const acted = leaves.filter((leaf) => leaf.actor.kind === "operator");
  assert.deepEqual(
    acted.map((leaf) => leaf.type),
    ["key.created", "key.rotated", "key.created", "key.revoked", "secret.set", "secret.destroyed"],
  );
  const ids = new Set(acted.map((leaf) => leaf.actor.id));
  assert.equal(ids.size, 1);
  const [id = ""] = ids;
  assert.deepEqual(await subjects.nameOf(id), { kind: "operator", name: operator });
  assert.deepEqual(new Set((await storage.keys.list()).map((key) => key.createdBy)), ids);
  await gateway.close();
});

test("a key that was written into the database opens nothing and can be neither rotated nor revoked", async (t) => {
  const folder = newFolder(t);
  const first = await start(folder);
  assert.ok((await first.services.keys.create("assistant", operator)).ok);
  await first.close();
  const key = newApiKey();
  tamper(
    folder,
    "INSERT INTO api_keys SELECT 'key_added', application, ?, hint, 9e15, created_by, expires_at, revoked_at, mac FROM api_keys",
    hashApiKey(key),
  );
  const second = await start(folder);
  assert.equal(second.apiKeys.lookup(key), null);
  assert.deepEqual(second.damaged, ["key_added"]);
  const listed = (await second.services.keys.list()).find(({ id }) => id === "key_added");
  assert.notEqual(listed?.state, "active");
  assert.equal(listed?.created, "9999-12-31T23:59:59.999Z");
  for (const change of [
    second.services.keys.rotate("key_added", operator),
    second.services.keys.revoke("key_added", operator),
  ]) {
    const refused = await change;
    assert.ok(!refused.ok);
    assert.equal(refused.failure.code, "conflict");
    assert.match(refused.failure.message, /`key_added` was changed in the data store/);
  }
  await second.close();
});

test("a revocation is not undone by editing its row, whatever it is set back to", async (t) => {
  const folder = newFolder(t);
  const first = await start(folder);
  const made = await first.services.keys.create("assistant", operator);
  assert.ok(made.ok);
  const [before] = await first.storage.keys.list();
  assert.ok((await first.services.keys.revoke(made.value.id, operator)).ok);
  await first.close();
  tamper(folder, "UPDATE api_keys SET revoked_at = NULL");
  const second = await start(folder);
  assert.equal(second.apiKeys.lookup(made.value.key), null);
  await second.close();
  tamper(folder, "UPDATE api_keys SET revoked_at = NULL, mac = ?", before?.mac ?? "");
  const third = await start(folder);
  assert.equal(third.apiKeys.lookup(made.value.key), null);
  assert.deepEqual(third.damaged, [made.value.id]);
  await third.close();
});

test("with a wrong key-encryption or lookup key nothing starts, and nothing is written", async (t) => {
  const folder = newFolder(t);
  await (await start(folder)).close();
  const entries = async (): Promise<number> => {
    const storage = openSqliteStorage(join(folder, "data"));
    const { size } = await storage.log.head();
    await storage.close();
    return size;
  };
  const size = await entries();
  for (const [keys, why] of [
    [
      { kek: new KeyEncryptionKey(Buffer.alloc(32, 8), "`keys/kek`"), lookupKey },
      /`keys\/kek` is not the one/,
    ],
    [{ kek, lookupKey: new SecretValue(randomBytes(32)) }, /`keys\/subject-lookup\.key` is not the one/],
  ] as const) {
    await assert.rejects(start(folder, keys), (fault) => {
      assert.ok(fault instanceof OperatorError);
      assert.match(fault.message, why);
      return true;
    });
  }
  assert.equal(await entries(), size);
  await (await start(folder)).close();
});
