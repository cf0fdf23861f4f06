import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { BoundedCache } from "portcullis-verify/bounded-cache.ts";
import { SecretValue } from "../core/secret-value.ts";
import { DataKeys } from "./data-keys.ts";
import type { KeyWrapper } from "./key-wrapper.ts";
import { MemoryPayloadStore } from "./log-store.test-support.ts";
import { type LostPayload, Payloads } from "./payloads.ts";
import { Subjects } from "./subjects.ts";

function wrapperUnder(kek: Uint8Array, keyId = "kek-1"): KeyWrapper {
  return {
    keyId,
    wrap(bytes) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", kek, nonce);
      return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    unwrap(bytes) {
      const decipher = createDecipheriv("aes-256-gcm", kek, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    },
  };
}

const kek = randomBytes(32);
const lookupKey = new SecretValue(randomBytes(32));
const clock = { now: () => 1_764_000_000_000 };

function bench(store = new MemoryPayloadStore(), queueLimitBytes = 1_000_000) {
  const lost: LostPayload[] = [];
  const dataKeys = new DataKeys(store, wrapperUnder(kek));
  const subjects = new Subjects({ store, dataKeys, lookupKey, clock });
  const onLost = (loss: LostPayload) => void lost.push(loss);
  return { store, lost, subjects, payloads: new Payloads({ store, dataKeys, onLost, queueLimitBytes }) };
}

describe("subjects", () => {
  it("keep one pseudonym for a name, across races, restarts and processes", async () => {
    const first = bench();
    const [one, two] = await Promise.all([first.subjects.userId("ada"), first.subjects.userId("ada")]);
    const other = bench(first.store);
    const [here, there] = await Promise.all([first.subjects.userId("bob"), other.subjects.userId("bob")]);
    assert.match(one, /^sub_/);
    assert.equal(two, one);
    assert.equal(here, there);
    assert.equal(first.subjects.userId("ada"), one);
    assert.equal(await other.subjects.userId("ada"), one);
    assert.equal(first.store.subjects.size, 2);
  });

  it("differ by kind, and for long names that begin alike", async () => {
    const { subjects, store } = bench();
    const names = ["ada", `${"x".repeat(1_000)}1`, `${"x".repeat(1_000)}2`];
    const ids = await Promise.all(
      names.flatMap((name) => [
        Promise.resolve(subjects.userId(name)),
        Promise.resolve(subjects.applicationId(name)),
      ]),
    );
    assert.equal(new Set(ids).size, 6);
    assert.equal(await subjects.userId(names[1] ?? ""), ids[2]);
    assert.equal(store.subjects.size, 6);
  });

  it("store no name in clear and give it back to those with the key", async () => {
    const { subjects, store } = bench();
    const id = await subjects.userId("ada@example.com");
    const stored = store.subjects.get(id);
    assert.ok(stored);
    assert.ok(!Buffer.concat([stored.name, stored.lookup, stored.wrappedKey]).includes("ada"));
    assert.deepEqual(await subjects.nameOf(id), { kind: "user", name: "ada@example.com" });
    assert.equal(await subjects.nameOf("sub_unknown"), null);
    const elsewhere = new DataKeys(store, wrapperUnder(kek, "kek-2"));
    await assert.rejects(elsewhere.of(id), /wrapped under `kek-1`, not `kek-2`/);
  });

  it("do not read a name that was moved to another subject", async () => {
    const { subjects, store } = bench();
    const ada = await subjects.userId("ada");
    const bob = await subjects.userId("bob");
    const [one, other] = [store.subjects.get(ada), store.subjects.get(bob)];
    assert.ok(one && other);
    store.subjects.set(bob, { ...other, name: one.name });
    await assert.rejects(subjects.nameOf(bob), /does not decrypt/);
    store.subjects.set(bob, { ...other, name: one.name, wrappedKey: one.wrappedKey });
    await assert.rejects(subjects.nameOf(bob), /another subject's/);
  });
});

describe("payloads", () => {
  it("are kept encrypted and read back by entry", async () => {
    const { subjects, payloads, store, lost } = bench();
    const subject = await subjects.userId("ada");
    const many = Array.from({ length: 300 }, (_, index) => `entry_${index}`);
    for (const entry of many)
      payloads.keep(entry, subject, { request: Buffer.from(entry), address: Buffer.from("::1") });
    assert.equal(store.payloads.length, 0);
    await payloads.flush();
    assert.equal(store.payloads.length, 600);
    assert.ok(store.payloads.every((payload) => !Buffer.from(payload.ciphertext).includes("entry_")));
    assert.deepEqual(await payloads.read("entry_299"), [
      { field: "address", subject, status: "readable", value: Buffer.from("::1") },
      { field: "request", subject, status: "readable", value: Buffer.from("entry_299") },
    ]);
    assert.deepEqual(lost, []);
  });

  it("do not decrypt in another place, and are named erased once the subject is gone", async () => {
    const { subjects, payloads, store } = bench();
    const subject = await subjects.userId("ada");
    payloads.keep("entry_1", subject, { request: Buffer.from("a"), response: Buffer.from("b") });
    await payloads.flush();
    const [request, response] = store.payloads;
    assert.ok(request && response);
    store.payloads.splice(0, 2, { ...request, field: "response" }, { ...response, entryId: "entry_2" });
    assert.deepEqual(
      (await payloads.read("entry_1")).map((field) => field.status),
      ["damaged"],
    );
    assert.deepEqual(
      (await payloads.read("entry_2")).map((field) => field.status),
      ["damaged"],
    );
    store.subjects.clear();
    const fresh = bench(store).payloads;
    assert.deepEqual(
      (await fresh.read("entry_2")).map((field) => field.status),
      ["erased"],
    );
  });

  it("that cannot be kept are reported: queue full, subject gone, store failing", async () => {
    const { subjects, payloads, store, lost } = bench(undefined, 2_000);
    const subject = await subjects.userId("ada");
    payloads.keep("entry_1", subject, { request: Buffer.alloc(1_500) });
    payloads.keep("entry_2", subject, { request: Buffer.alloc(1_500) });
    await payloads.flush();
    payloads.keep("entry_3", "sub_gone", { request: Buffer.alloc(1) });
    await payloads.flush();
    store.fault = new Error("disk full");
    payloads.keep("entry_4", subject, { request: Buffer.alloc(1) });
    await payloads.flush();
    store.fault = null;
    payloads.keep("entry_5", subject, { request: Buffer.alloc(1_500) });
    await payloads.flush();
    assert.deepEqual(
      lost.map((loss) => [loss.entryId, loss.reason, loss.fields]),
      [
        ["entry_2", "queue_full", ["request"]],
        ["entry_3", "subject_erased", ["request"]],
        ["entry_4", "store_failed", ["request"]],
      ],
    );
    assert.deepEqual(
      store.payloads.map((payload) => payload.entryId),
      ["entry_1", "entry_5"],
    );
  });
});

describe("the bounded cache", () => {
  it("lets go of what was used longest ago", () => {
    const cache = new BoundedCache<number>(2);
    cache.set("a", 1);
    cache.set("b", 2);
    assert.equal(cache.get("a"), 1);
    cache.set("c", 3);
    assert.deepEqual([cache.get("a"), cache.get("b"), cache.get("c")], [1, undefined, 3]);
  });
});
