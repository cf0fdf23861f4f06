import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { OperatorError } from "../core/operator-error.ts";
import { SecretValue } from "../core/secret-value.ts";
import { hashApiKey, newApiKey } from "./api-key.ts";
import { ApiKeys, type KeyEvents } from "./api-keys.ts";
import { openKeyGuard } from "./key-guard.ts";
import { keyEvents, MemoryKeyStore } from "./key-store.test-support.ts";
import type { KeptApiKey } from "./key-store.ts";

const day = 24 * 3_600_000;
const macKey = new SecretValue(Buffer.alloc(32, 7));

function bench(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const ends = join(folder, "api-key-ends.json");
  const store = new MemoryKeyStore();
  const clock = { now: 1_000_000 };
  const damaged: string[] = [];
  return {
    store,
    ends,
    clock,
    damaged,
    /** As at each start of the gateway. */
    start: async (key = macKey, events: KeyEvents = keyEvents) =>
      ApiKeys.open(store, events, new Set(["app", "other"]), () => clock.now, {
        guard: await openKeyGuard(key, ends),
        onDamaged: ({ id }) => damaged.push(id),
      }),
  };
}

async function made(keys: ApiKeys): Promise<{ readonly key: string; readonly id: string }> {
  const created = await keys.create("app", "op");
  assert.ok(created.ok);
  return { key: created.value.key, id: created.value.record.id };
}

test("a key that somebody added to the database opens nothing, is listed as damaged and reported once", async (t) => {
  const { store, start, damaged } = bench(t);
  const genuine = await made(await start());
  const [row] = store.rows;
  assert.ok(row !== undefined);
  const key = newApiKey();
  const added = { ...row, id: "key_added", hash: hashApiKey(key) };
  // With the MAC of another row, with none, and with one made under a key that was guessed.
  const guessed = await openKeyGuard(new SecretValue(Buffer.alloc(32)), "/nonexistent");
  for (const mac of [row.mac, "", guessed.macOf(added)]) {
    store.rows = [row, { ...added, mac }];
    const keys = await start();
    assert.equal(keys.lookup(key), null);
    assert.notEqual(keys.lookup(genuine.key), null);
    await keys.list();
    assert.deepEqual(
      (await keys.list()).map((one) => one.damaged),
      [false, true],
    );
    assert.deepEqual(damaged.splice(0), ["key_added"]);
  }
});

test("a row of which any part was changed is not valid, and neither rotated nor revoked", async (t) => {
  const { store, start, damaged } = bench(t);
  const { key, id } = await made(await start());
  const before = store.rows;
  const changes: readonly Partial<KeptApiKey>[] = [
    { application: "other" },
    { hint: "pcl_other" },
    { createdAt: 1 },
    { createdBy: "somebody" },
    { expiresAt: 9_999_999 },
    { revokedAt: 1 },
    { hash: hashApiKey("another") },
  ];
  for (const change of changes) {
    store.rows = before;
    store.edit(id, change);
    const keys = await start();
    assert.equal(keys.lookup(key), null, JSON.stringify(change));
    const failure = { ok: false, failure: { reason: "damaged", id } };
    assert.deepEqual(await keys.rotate(id, "op"), failure);
    assert.deepEqual(await keys.revoke(id, "op"), failure);
    assert.deepEqual(damaged.splice(0), [id]);
  }
  store.rows = before;
  assert.notEqual((await start()).lookup(key), null);
  assert.equal(
    (await start(new SecretValue(Buffer.alloc(32)))).lookup(key),
    null,
    "another key made the MAC",
  );
});

test("no end of a key is undone by putting an older row back, MAC and all", async (t) => {
  const { store, start, ends, clock, damaged } = bench(t);
  const keys = await start();
  const [revoked, rotated] = [await made(keys), await made(keys)];
  const before = store.rows;
  assert.ok((await keys.revoke(revoked.id, "op")).ok);
  assert.ok((await keys.rotate(rotated.id, "op")).ok);
  const afterRotation = store.rows;
  assert.equal(statSync(ends).mode & 0o777, 0o600);

  store.rows = before;
  for (const after of [keys, await start()]) {
    await after.list();
    assert.deepEqual([after.lookup(revoked.key), after.lookup(rotated.key)], [null, null]);
  }
  assert.deepEqual(new Set(damaged), new Set([revoked.id, rotated.id]));

  // Nor is a revocation undone by the row of the rotation before it, which lets the key live for a day.
  store.rows = afterRotation;
  assert.ok((await keys.revoke(rotated.id, "op")).ok);
  store.rows = afterRotation;
  assert.equal((await start()).lookup(rotated.key), null);
  clock.now += 2 * day;
  assert.equal((await start()).lookup(rotated.key), null);
});

test("an end that a crash kept from being noted is noted at the next start", async (t) => {
  const { store, start, ends } = bench(t);
  const keys = await start();
  const { key, id } = await made(keys);
  const before = store.rows;
  await keys.revoke(id, "op");
  rmSync(ends);
  await start();
  assert.ok(id in JSON.parse(readFileSync(ends, "utf8")));
  store.rows = before;
  assert.equal((await start()).lookup(key), null);
});

test("a file of ends that cannot be read stops the start instead of letting ended keys live", async (t) => {
  const { start, ends } = bench(t);
  for (const text of ["", "[]", '{"key_1":"never"}', '{"key_1":1.5}', "{"]) {
    writeFileSync(ends, text);
    await assert.rejects(start(), (fault) => {
      assert.ok(fault instanceof OperatorError);
      assert.match(fault.message, /api-key-ends\.json` does not hold the ends of API keys; put it back/);
      return true;
    });
  }
});

test("a key that is rotated while it is being revoked is revoked all the same", async (t) => {
  const { store, start } = bench(t);
  const [keys, other] = [await start(), await start()];
  const { key, id } = await made(keys);
  store.beforeEnd = async () => {
    store.beforeEnd = () => {};
    assert.ok((await other.rotate(id, "op")).ok);
  };
  assert.ok((await keys.revoke(id, "op")).ok);
  assert.equal((await start()).lookup(key), null);
  assert.deepEqual(await keys.revoke(id, "op"), { ok: false, failure: { reason: "ended", id } });
});

test("keys that were read before a change never take the place of those read after it", async (t) => {
  const { store, start } = bench(t);
  const keys = await start();
  const before = store.rows;
  const late = Promise.withResolvers<void>();
  const list = store.list.bind(store);
  store.list = async () => {
    store.list = list;
    await late.promise;
    return before;
  };
  const listing = keys.list();
  const { key } = await made(keys);
  late.resolve();
  await listing;
  assert.notEqual(keys.lookup(key), null);
});

test("who acts is kept and recorded under the id that stands for them, and nothing happens without one", async (t) => {
  const { store, start } = bench(t);
  const recorded: string[] = [];
  const note = (kind: string, actor: string) => {
    recorded.push(`${kind} by ${actor}`);
    return { id: "", leaf: new Uint8Array(), salt: null };
  };
  const naming = (actorId: KeyEvents["actorId"]): KeyEvents => ({
    actorId,
    created: (_key, actor) => note("created", actor),
    rotated: (_key, _successor, _end, actor) => note("rotated", actor),
    revoked: (_key, actor) => note("revoked", actor),
  });
  const keys = await start(
    macKey,
    naming(async (name) => `sub_of_${name}`),
  );
  const { id } = await made(keys);
  await keys.rotate(id, "op");
  await keys.revoke(id, "op");
  assert.deepEqual(
    recorded,
    ["created", "rotated", "created", "revoked"].map((kind) => `${kind} by sub_of_op`),
  );
  assert.deepEqual(
    store.rows.map((row) => row.createdBy),
    ["sub_of_op", "sub_of_op"],
  );
  const rows = store.rows;
  const unknown = await start(
    macKey,
    naming(() => Promise.reject(new Error("no such operator"))),
  );
  for (const change of [unknown.create("app", "op"), unknown.rotate(id, "op"), unknown.revoke(id, "op")]) {
    await assert.rejects(change, /no such operator/);
  }
  assert.equal(store.rows, rows);
});
