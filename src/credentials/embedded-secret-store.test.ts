import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { SecretValue } from "../core/secret-value.ts";
import { EmbeddedSecretStore, type SecretEvents } from "./embedded-secret-store.ts";
import { KeyEncryptionKey, openKek } from "./kek.ts";
import type { SealedSecret, SealedSecretStore } from "./sealed-secret-store.ts";

const kek = new KeyEncryptionKey(Buffer.alloc(32, 7));
const events = {
  actorId: (name: string) => name,
  set: () => ({ id: "", leaf: new Uint8Array(), salt: null }),
  destroyed: () => ({ id: "", leaf: new Uint8Array(), salt: null }),
};

/** Rows that a test can move about, as somebody with the database could. */
function rows() {
  const kept = new Map<string, SealedSecret>();
  const store: SealedSecretStore = {
    newest: async (name) => kept.get(name) ?? null,
    nextVersion: async (name) => (kept.get(name)?.version ?? 0) + 1,
    put: async (secret) => {
      kept.set(secret.name, secret);
      return true;
    },
    destroy: async (name) => kept.delete(name),
    list: async () => [...kept.values()],
  };
  const open = (key = kek, told: SecretEvents = events) => new EmbeddedSecretStore(store, key, told, () => 0);
  return { kept, open };
}

test("a secret comes back as it was put, and prints as nothing", async () => {
  const { kept, open } = rows();
  await open().put("providers/openai", new SecretValue("sk-123"), "op");
  const got = await open().get("providers/openai");
  assert.ok(got.ok);
  assert.equal(
    got.value.use((value) => value),
    "sk-123",
  );
  assert.doesNotMatch(`${got.value} ${JSON.stringify(got)} ${inspect(got, { depth: 9 })}`, /sk-123/);
  assert.doesNotMatch(
    Buffer.from(kept.get("providers/openai")?.ciphertext ?? []).toString("latin1"),
    /sk-123/,
  );
});

test("rows that were moved, changed, cut or sealed under another key do not open", async () => {
  const { kept, open } = rows();
  await open().put("a", new SecretValue("one"), "op");
  await open().put("b", new SecretValue("two"), "op");
  const [a, b] = [kept.get("a"), kept.get("b")];
  assert.ok(a !== undefined && b !== undefined);
  const flipped = Uint8Array.from(a.ciphertext);
  flipped[14] = (flipped[14] ?? 0) ^ 1;
  const tampered: readonly SealedSecret[] = [
    { ...b, name: "a" },
    { ...a, version: 2 },
    { ...a, keyId: "0000000000000000" },
    { ...a, wrappedKey: b.wrappedKey },
    { ...a, ciphertext: flipped },
    { ...a, ciphertext: a.ciphertext.slice(0, 20) },
    { ...a, ciphertext: new Uint8Array() },
  ];
  for (const row of tampered) {
    kept.set("a", row);
    assert.deepEqual(await open().get("a"), { ok: false, failure: { reason: "sealed", name: "a" } });
  }
  kept.set("a", a);
  assert.ok((await open().get("a")).ok);
  assert.equal((await open(new KeyEncryptionKey(Buffer.alloc(32, 8))).get("a")).ok, false);
});

test("who acts is on record under the id that stands for them, and nothing happens without one", async () => {
  const { kept, open } = rows();
  const recorded: string[] = [];
  const note = (kind: string, actor: string) => {
    recorded.push(`${kind} by ${actor}`);
    return { id: "", leaf: new Uint8Array(), salt: null };
  };
  const naming = (actorId: (name: string) => string | Promise<string>) =>
    open(kek, {
      actorId,
      set: (_secret, _version, actor) => note("set", actor),
      destroyed: (_secret, _version, actor) => note("destroyed", actor),
    });
  const known = naming(async (name) => `sub_of_${name}`);
  await known.put("a", new SecretValue("one"), "ada");
  await known.destroy("a", "ada");
  assert.deepEqual(recorded, ["set by sub_of_ada", "destroyed by sub_of_ada"]);
  const unknown = naming(() => Promise.reject(new Error("the data store was changed")));
  await assert.rejects(unknown.put("b", new SecretValue("two"), "ada"), /was changed/);
  assert.equal(kept.size, 0);
});

test("a destroyed secret is absent at once, also where it had been read before", async () => {
  const { open } = rows();
  const store = open();
  await store.put("a", new SecretValue("one"), "op");
  assert.ok((await store.get("a")).ok);
  assert.ok((await store.destroy("a", "op")).ok);
  assert.deepEqual(await store.get("a"), { ok: false, failure: { reason: "absent", name: "a" } });
  assert.equal((await store.destroy("a", "op")).ok, false);
});

test("the key-encryption key is made once for its owner alone, and never in place of a missing one", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-kek-"));
  t.after(() => rm(folder, { recursive: true }));
  const made = await openKek(folder, true, {});
  assert.equal((await stat(join(folder, "kek"))).mode & 0o777, 0o600);
  assert.equal((await openKek(folder, true, {})).keyId, made.keyId);
  await chmod(join(folder, "kek"), 0o644);
  await assert.rejects(openKek(folder, false, {}), /can be read by others/);
  await rm(join(folder, "kek"));
  await assert.rejects(openKek(folder, false, {}), /is missing/);
});
