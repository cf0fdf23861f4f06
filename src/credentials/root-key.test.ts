import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OperatorError } from "../core/operator-error.ts";
import { KeyEncryptionKey, openKek } from "./kek.ts";
import type { KeyCheckStore } from "./key-check-store.ts";
import { openRootKey, type RootKey } from "./root-key.ts";

const kek = new KeyEncryptionKey(Buffer.alloc(32, 7), "`keys/kek`");

/** Values that a test can tamper with, as somebody with the database could. */
function checks() {
  const kept = new Map<string, Uint8Array>();
  const store: KeyCheckStore = {
    keyCheck: async (name) => kept.get(name) ?? null,
    ensureKeyCheck: async (name, value) => {
      const first = kept.get(name) ?? value;
      kept.set(name, first);
      return first;
    },
  };
  return { kept, store };
}

function hexOf(root: RootKey, purpose: string): string {
  return root.derive(purpose).useBytes((bytes) => Buffer.from(bytes).toString("hex"));
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  const fault: unknown = await opening.then(
    () => assert.fail("it must be refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(fault instanceof OperatorError, String(fault));
  return fault.message;
}

test("a root key is made once, and gives the same keys at each start, one for each purpose", async () => {
  const { store, kept } = checks();
  const made = await openRootKey(kek, store, true);
  const value = kept.get("root-key");
  const [again, raced] = [await openRootKey(kek, store, false), await openRootKey(kek, store, true)];
  assert.equal(kept.get("root-key"), value);
  for (const other of [again, raced]) assert.equal(hexOf(other, "rows"), hexOf(made, "rows"));
  assert.match(hexOf(made, "rows"), /^[0-9a-f]{64}$/);
  assert.notEqual(hexOf(made, "rows"), hexOf(made, "columns"));
  assert.notEqual(hexOf(await openRootKey(kek, checks().store, true), "rows"), hexOf(made, "rows"));
});

test("another key-encryption key is noticed, and named with what to put back", async () => {
  const { store } = checks();
  await openRootKey(kek, store, true);
  const other = new KeyEncryptionKey(Buffer.alloc(32, 8), "`keys/kek`");
  for (const mayCreate of [false, true]) {
    const message = await refusal(openRootKey(other, store, mayCreate));
    assert.match(message, /the key-encryption key in `keys\/kek` is not the one .* put that one back/);
    assert.ok(message.includes(kek.keyId) && message.includes(other.keyId), message);
  }
});

test("a key-encryption key file that was swapped is named by its path", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-kek-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { store } = checks();
  await openRootKey(await openKek(folder, true, {}), store, true);
  await rename(join(folder, "kek"), join(folder, "kek.old"));
  const message = await refusal(openRootKey(await openKek(folder, true, {}), store, false));
  assert.ok(message.includes(`\`${join(folder, "kek")}\``), message);
});

test("what it is checked against is never made anew for data that must have it", async () => {
  const { store, kept } = checks();
  assert.match(await refusal(openRootKey(kek, store, false)), /lost what .* restore the data store/);
  assert.equal(kept.size, 0);
});

test("a value that was changed, or wrapped for another purpose, is no root key", async () => {
  const { store, kept } = checks();
  await openRootKey(kek, store, true);
  const value = Buffer.from(kept.get("root-key") ?? []);
  const withKeyId = (wrapped: Uint8Array) => Buffer.concat([value.subarray(0, 17), wrapped]);
  const broken = [
    ...Array.from({ length: value.length }, (_, at) => {
      const flipped = Buffer.from(value);
      flipped[at] = (flipped[at] ?? 0) ^ 0x80;
      return flipped;
    }),
    value.subarray(0, 40),
    Buffer.alloc(0),
    withKeyId(kek.wrap(Buffer.alloc(32))),
    withKeyId(kek.wrap(Buffer.alloc(54))),
  ];
  for (const one of broken) {
    kept.set("root-key", one);
    assert.match(await refusal(openRootKey(kek, store, false)), /does not open.*restore the data store/);
  }
});
