// The guarantees of PayloadStore (audit/payload-store.ts).

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import type { Payload, Subject } from "../../audit/payload-store.ts";
import { type OpenStorage, withStorage } from "./driver.ts";
import { entry, hex } from "./samples.ts";

export function describeErasableContract(open: OpenStorage): void {
  describe("subjects and payloads", () => {
    test("a subject is found by its id and by its lookup, and in no other way", () =>
      withStorage(open, async ({ payloads }, opened) => {
        const stored = subject("sub_1", Buffer.alloc(32, 1));
        assert.deepEqual(readable(await payloads.ensureSubject(stored)), readable(stored));
        const again = (await opened.reopen()).payloads;
        assert.deepEqual(readable(await again.subjectById("sub_1")), readable(stored));
        assert.deepEqual(readable(await again.subjectByLookup(stored.lookup)), readable(stored));
        assert.equal(await again.subjectById("sub_2"), null);
        assert.equal(await again.subjectByLookup(Buffer.alloc(32, 2)), null);
      }));

    test("of many that race for a name one subject is stored, and all are given that one", () =>
      withStorage(open, async ({ payloads }, opened) => {
        const rival = await opened.rival();
        const lookup = randomBytes(32);
        const raced = await Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            (at % 2 === 0 ? payloads : rival.payloads).ensureSubject(subject(`sub_${at}`, lookup)),
          ),
        );
        const stored = readable(await payloads.subjectByLookup(lookup));
        for (const given of raced) assert.deepEqual(readable(given), stored);
      }));

    test("payloads are found by their entry, whatever is in them", () =>
      withStorage(open, async ({ payloads }) => {
        const [one, other] = [entry().id, entry().id];
        const kept: readonly Payload[] = [
          payload(one, "request", randomBytes(300_000)),
          payload(one, "response", new Uint8Array(0)),
          payload(other, "request", randomBytes(10)),
        ];
        await payloads.putPayloads(kept);
        await payloads.putPayloads([]);
        const found = (await payloads.payloadsOf(one)).toSorted((a, b) => (a.field < b.field ? -1 : 1));
        assert.deepEqual(found.map(comparable), kept.slice(0, 2).map(comparable));
        assert.deepEqual(await payloads.payloadsOf(entry().id), []);
      }));

    test("entries with payload are found in the order of their ids, between two of them, with their bytes", () =>
      withStorage(open, async ({ payloads }, opened) => {
        const ids = [1, 2, 3, 4].map((at) => `0000000${at}-0000-7000-8000-000000000000`);
        const [one = "", two = "", three = "", four = ""] = ids;
        await payloads.putPayloads([
          payload(three, "request", randomBytes(30)),
          payload(one, "request", randomBytes(10)),
          payload(two, "response", randomBytes(20)),
          payload(two, "request", randomBytes(5_000)),
        ]);
        const { payloads: again } = await opened.reopen();
        assert.deepEqual(await again.keptEntries("", four), [
          { entryId: one, bytes: 10 },
          { entryId: two, bytes: 5_020 },
          { entryId: three, bytes: 30 },
        ]);
        assert.deepEqual(await again.keptEntries(one, three), [{ entryId: two, bytes: 5_020 }]);
        assert.deepEqual(await again.keptEntries("", "00000001-0000"), []);
        assert.deepEqual(await again.keptEntries(three, four), []);
      }));

    test("payload is removed by its entry with all its fields, once or twice, and nothing else is", () =>
      withStorage(open, async ({ payloads }) => {
        const [one, two, other] = [entry().id, entry().id, entry().id];
        const kept = payload(other, "request", randomBytes(10));
        const rows = [one, one, two].map((id, at) => payload(id, `field${at}`, randomBytes(10)));
        await payloads.putPayloads([...rows, kept]);
        await Promise.all([payloads.removePayloads([one, two]), payloads.removePayloads([two])]);
        await payloads.removePayloads([]);
        for (const id of [one, two]) assert.deepEqual(await payloads.payloadsOf(id), []);
        assert.deepEqual((await payloads.payloadsOf(other)).map(comparable), [comparable(kept)]);
        assert.deepEqual(
          (await payloads.keptEntries("", "g")).map(({ entryId }) => entryId),
          [other],
        );
      }));

    test("a batch that is put again replaces itself", () =>
      withStorage(open, async ({ payloads }) => {
        const first = payload(entry().id, "request", randomBytes(10));
        const second = { ...first, ciphertext: randomBytes(10) };
        await payloads.putPayloads([first]);
        await payloads.putPayloads([second]);
        assert.deepEqual((await payloads.payloadsOf(first.entryId)).map(comparable), [comparable(second)]);
      }));

    test("of many that race for a key check one is kept, and all are given that one", () =>
      withStorage(open, async ({ payloads }, opened) => {
        const rival = await opened.rival();
        assert.equal(await payloads.keyCheck("one"), null);
        const raced = await Promise.all(
          Array.from({ length: 10 }, (_, at) =>
            (at % 2 === 0 ? payloads : rival.payloads).ensureKeyCheck("one", randomBytes(40)),
          ),
        );
        const kept = hex(await payloads.keyCheck("one"));
        for (const given of raced) assert.equal(hex(given), kept);
        await payloads.ensureKeyCheck("other", Buffer.alloc(3));
        const again = (await opened.reopen()).payloads;
        assert.equal(hex(await again.ensureKeyCheck("one", Buffer.alloc(3))), kept);
        assert.equal(hex(await again.keyCheck("other")), "000000");
      }));
  });
}

function subject(id: string, lookup: Uint8Array): Subject {
  return { id, kind: "user", lookup, name: randomBytes(40), wrappedKey: randomBytes(60) };
}

function payload(entryId: string, field: string, ciphertext: Uint8Array): Payload {
  return { entryId, subject: "sub_1", field, ciphertext };
}

function readable(one: Subject | null): unknown {
  if (one === null) return null;
  return { ...one, lookup: hex(one.lookup), name: hex(one.name), wrappedKey: hex(one.wrappedKey) };
}

function comparable(one: Payload): unknown {
  return { ...one, ciphertext: hex(one.ciphertext) };
}
