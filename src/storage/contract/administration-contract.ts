// The guarantees of KeyStore, SealedSecretStore and RevisionStore: a change and its entry are one, and of two that
// contradict each other one happens.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { FencedError } from "../../audit/log-store.ts";
import type { SealedSecret } from "../../credentials/sealed-secret-store.ts";
import type { KeptApiKey, KeyEnd } from "../../identity/key-store.ts";
import { assertLogHolds, type OpenStorage, withStorage } from "./driver.ts";
import { apiKey, entries, entry, hex } from "./samples.ts";

export function describeAdministrationContract(open: OpenStorage): void {
  describe("API keys", () => describeKeys(open));
  describe("sealed secrets", () => describeSecrets(open));
  describe("policy revisions", () => describeRevisions(open));
  describe("any change of state", () => describeFence(open));
}

function describeKeys(open: OpenStorage): void {
  test("are listed oldest first, as they were created", () =>
    withStorage(open, async ({ keys, log }, opened) => {
      const [older, newer] = [apiKey({ createdAt: 1 }), apiKey({ createdAt: 2, expiresAt: 9 })];
      const [first, second] = [entry(), entry()];
      await keys.create(newer, first);
      await keys.create(older, second);
      await assertLogHolds(log, [first, second]);
      assert.deepEqual(await (await opened.reopen()).keys.list(), [older, newer]);
    }));

  test("are not created twice, and then nothing is on record", () =>
    withStorage(open, async ({ keys, log }) => {
      const key = apiKey();
      const recorded = entry();
      await keys.create(key, recorded);
      await assert.rejects(keys.create(apiKey({ hash: key.hash }), entry()));
      await assert.rejects(keys.create({ ...apiKey(), id: key.id }, entry()));
      assert.deepEqual(await keys.list(), [key]);
      await assertLogHolds(log, [recorded]);
    }));

  test("are rotated by one of those who race for it", () =>
    withStorage(open, async ({ keys, log }, opened) => {
      const old = apiKey({ createdAt: 1 });
      await keys.create(old, entry());
      const rivals = [keys, keys, (await opened.rival()).keys];
      const attempts = rivals
        .flatMap((store) => [store, store])
        .map((store, at) => {
          const successor = apiKey({ createdAt: 2 + at });
          return { store, successor, recorded: entries(2, `rotation ${at}`) };
        });
      const settled = await Promise.allSettled(
        attempts.map(({ store, successor, recorded }, at) =>
          store.rotate({ ...endOf(old), at: 100 + at }, successor, recorded),
        ),
      );
      const winners = attempts.filter((_, at) => {
        const one = settled[at];
        return one?.status === "fulfilled" && one.value;
      });
      assert.equal(winners.length, 1);
      const [winner] = winners;
      assert.ok(winner !== undefined);
      const won = attempts.indexOf(winner);
      assert.deepEqual(await keys.list(), [{ ...old, expiresAt: 100 + won, mac: "after" }, winner.successor]);
      assert.equal((await log.head()).size, 3);
    }));

  test("that are unknown, revoked or ending already are not rotated", () =>
    withStorage(open, async ({ keys, log }) => {
      const [revoked, ending] = [
        apiKey({ createdAt: 1, revokedAt: 5 }),
        apiKey({ createdAt: 2, expiresAt: 9 }),
      ];
      const recorded = entries(2);
      for (const [at, key] of [revoked, ending].entries()) await keys.create(key, recorded[at] ?? entry());
      for (const key of [revoked, ending, apiKey()]) {
        assert.equal(await keys.rotate(endOf(key), apiKey(), entries(2)), false);
      }
      assert.deepEqual(await keys.list(), [revoked, ending]);
      await assertLogHolds(log, recorded);
    }));

  test("are revoked once, by one of those who race for it, also while they end", () =>
    withStorage(open, async ({ keys, log }) => {
      const key = apiKey({ expiresAt: 50 });
      await keys.create(key, entry());
      const raced = await Promise.all([1, 2, 3].map((at) => keys.revoke({ ...endOf(key), at }, entry())));
      assert.equal(raced.filter((won) => won).length, 1);
      const revoked = { ...key, revokedAt: raced.indexOf(true) + 1, mac: "after" };
      assert.deepEqual(await keys.list(), [revoked]);
      assert.equal(await keys.revoke(endOf(revoked), entry()), false);
      assert.equal(await keys.revoke(endOf(apiKey()), entry()), false);
      assert.equal((await log.head()).size, 2);
    }));

  test("are ended only as they were read: what was changed meanwhile stays, and nothing is on record", () =>
    withStorage(open, async ({ keys, log }) => {
      const key = apiKey();
      const recorded = entries(3);
      await keys.create(key, recorded[0] ?? entry());
      const stale = { ...endOf(key), from: "before" };
      assert.equal(await keys.revoke(stale, entry()), false);
      assert.equal(await keys.rotate(stale, apiKey(), entries(2)), false);
      assert.deepEqual(await keys.list(), [key]);
      const successor = apiKey({ createdAt: key.createdAt + 1 });
      assert.equal(await keys.rotate(endOf(key), successor, recorded.slice(1)), true);
      assert.equal(await keys.revoke(endOf(key), entry()), false, "it was rotated since");
      await assertLogHolds(log, recorded);
    }));
}

function describeSecrets(open: OpenStorage): void {
  const name = "providers/openai";

  test("have versions from 1 on, of which the newest is used", () =>
    withStorage(open, async ({ secrets, log }, opened) => {
      assert.equal(await secrets.newest(name), null);
      assert.equal(await secrets.nextVersion(name), 1);
      const recorded = entries(3);
      const versions = [sealed(name, 1), sealed(name, 2), sealed("another", 1)];
      for (const [at, secret] of versions.entries()) {
        assert.equal(await secrets.put(secret, recorded[at] ?? entry()), true);
      }
      await assertLogHolds(log, recorded);
      const again = (await opened.reopen()).secrets;
      assert.deepEqual(readable(await again.newest(name)), readable(sealed(name, 2, versions[1])));
      assert.equal(await again.nextVersion(name), 3);
      assert.deepEqual(await again.list(), [
        { name: "another", version: 1, createdAt: 1_001 },
        { name, version: 2, createdAt: 1_002 },
      ]);
    }));

  test("have a version put by one of those who race for it", () =>
    withStorage(open, async ({ secrets, log }) => {
      const candidates = [1, 2, 3].map(() => sealed(name, 1));
      const raced = await Promise.all(candidates.map((secret) => secrets.put(secret, entry())));
      assert.equal(raced.filter((won) => won).length, 1);
      const winner = candidates[raced.indexOf(true)] ?? null;
      assert.deepEqual(readable(await secrets.newest(name)), readable(winner));
      assert.equal((await log.head()).size, 1);
    }));

  test("are destroyed with all their versions, once, and their numbers never come again", () =>
    withStorage(open, async ({ secrets, log }) => {
      for (const version of [1, 2]) await secrets.put(sealed(name, version), entry());
      await secrets.put(sealed("another", 1), entry());
      const raced = await Promise.all([secrets.destroy(name, entry()), secrets.destroy(name, entry())]);
      assert.deepEqual(raced.toSorted(), [false, true]);
      assert.equal((await log.head()).size, 4);
      assert.equal(await secrets.newest(name), null);
      assert.deepEqual(
        (await secrets.list()).map((secret) => secret.name),
        ["another"],
      );
      assert.equal(await secrets.nextVersion(name), 3);
      for (const version of [1, 2]) assert.equal(await secrets.put(sealed(name, version), entry()), false);
      assert.equal(await secrets.destroy("unknown", entry()), false);
      assert.equal(await secrets.put(sealed(name, 3), entry()), true);
      assert.equal((await secrets.newest(name))?.version, 3);
    }));
}

function describeRevisions(open: OpenStorage): void {
  test("are kept once each, and the last to be activated is active", () =>
    withStorage(open, async ({ revisions, log }, opened) => {
      assert.equal(await revisions.active(), null);
      const first = { revision: "aa", content: '{"policies":{"a":"é"}}', activatedAt: 1 };
      const second = { revision: "bb", content: "{}", activatedAt: 2 };
      const recorded = entries(3);
      for (const [at, record] of [first, second, { ...first, activatedAt: 3 }].entries()) {
        await revisions.activate(record, recorded[at] ?? entry());
        assert.equal(await revisions.active(), record.revision);
      }
      await assertLogHolds(log, recorded);
      const again = (await opened.reopen()).revisions;
      assert.equal(await again.active(), "aa");
      assert.deepEqual(await again.byRevision("aa"), first);
      assert.deepEqual(await again.byRevision("bb"), second);
      assert.equal(await again.byRevision("cc"), null);
    }));
}

function describeFence(open: OpenStorage): void {
  test("by a gateway that was taken over from does not happen", () =>
    withStorage(open, async ({ keys, secrets, revisions, log }, opened) => {
      const key = apiKey();
      const recorded = entries(2);
      await keys.create(key, recorded[0] ?? entry());
      await secrets.put(sealed("kept", 1), recorded[1] ?? entry());
      await opened.replace(await opened.rival(), "inst_2");
      for (const change of [
        keys.create(apiKey(), entry()),
        keys.rotate(endOf(key), apiKey(), entries(2)),
        keys.revoke(endOf(key), entry()),
        secrets.put(sealed("new", 1), entry()),
        secrets.destroy("kept", entry()),
        revisions.activate({ revision: "aa", content: "{}", activatedAt: 1 }, entry()),
      ]) {
        await assert.rejects(change, FencedError);
      }
      assert.deepEqual(await keys.list(), [key]);
      assert.deepEqual(
        (await secrets.list()).map((secret) => secret.name),
        ["kept"],
      );
      assert.equal(await revisions.active(), null);
      await assertLogHolds(log, recorded);
    }));
}

function endOf(key: KeptApiKey): KeyEnd {
  return { id: key.id, at: 7, from: key.mac, to: "after" };
}

function sealed(name: string, version: number, like?: SealedSecret): SealedSecret {
  return {
    name,
    version,
    keyId: "kek-1",
    wrappedKey: like?.wrappedKey ?? randomBytes(60),
    ciphertext: like?.ciphertext ?? randomBytes(80),
    createdAt: 1_000 + version,
  };
}

function readable(secret: SealedSecret | null): unknown {
  if (secret === null) return null;
  return { ...secret, wrappedKey: hex(secret.wrappedKey), ciphertext: hex(secret.ciphertext) };
}
