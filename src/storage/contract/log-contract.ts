// The guarantees of LogStore (audit/log-store.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FencedError } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { describeCheckpoints } from "./checkpoint-contract.ts";
import { assertLogHolds, type OpenStorage, withStorage } from "./driver.ts";
import { entries, entry, headOf, hex, hexHead } from "./samples.ts";
import { describeTileHashes } from "./tile-hash-contract.ts";

export function describeLogContract(open: OpenStorage): void {
  describe("the log", () => {
    describeNaming(open);
    describeAppending(open);
    describeReading(open);
    describeContents(open);
    describeFencing(open);
    describeTileHashes(open);
    describeCheckpoints(open);
  });
}

function describeNaming(open: OpenStorage): void {
  const identity = { origin: "log.example/1", vkey: "log.example/1+00000000+key" };

  test("has no name until it is created, keeps that one and takes no other", () =>
    withStorage(open, async ({ log }) => {
      assert.equal(await log.identity(), null);
      await log.create(identity);
      await log.create(identity);
      await assert.rejects(log.create({ ...identity, vkey: "log.example/1+11111111+key" }));
      assert.deepEqual(await log.identity(), identity);
    }));

  test("has one name after two were raced for", () =>
    withStorage(open, async ({ log }) => {
      const other = { origin: "log.example/2", vkey: "log.example/2+00000000+key" };
      const raced = await Promise.allSettled([log.create(identity), log.create(other)]);
      assert.equal(raced.filter(({ status }) => status === "fulfilled").length, 1);
      const named = await log.identity();
      assert.deepEqual(named, raced[0]?.status === "fulfilled" ? identity : other);
    }));
}

function describeAppending(open: OpenStorage): void {
  test("is empty at first", () =>
    withStorage(open, async ({ log }) => {
      await assertLogHolds(log, []);
      assert.equal(await log.openFrom(), 0);
    }));

  test("places entries one behind the other, says where, and grows the tree by them", () =>
    withStorage(open, async ({ log }) => {
      const all: EncodedEntry[] = [];
      for (const count of [1, 2, 3, 1, 7, 20]) {
        const appended = entries(count);
        const receipt = await log.append(appended);
        assert.deepEqual(receipt, { firstIndex: all.length, size: all.length + count });
        all.push(...appended);
        await assertLogHolds(log, all);
      }
    }));

  test("is as it was after an append of nothing", () =>
    withStorage(open, async ({ log }) => {
      const one = entry();
      await log.append([one]);
      assert.deepEqual(await log.append([]), { firstIndex: 1, size: 1 });
      await assertLogHolds(log, [one]);
    }));

  test("keeps every byte of a leaf, the largest too", () =>
    withStorage(open, async ({ log }) => {
      const bytes = Uint8Array.from({ length: 65_535 }, (_, at) => at % 256);
      const large = { ...entry(), leaf: bytes };
      await log.append([large]);
      await assertLogHolds(log, [large]);
    }));

  test("has no gap and splits no call's entries when many append at once", () =>
    withStorage(open, async ({ log }) => {
      const calls = Array.from({ length: 300 }, (_, caller) => entries(1 + (caller % 4), `caller ${caller}`));
      const placed = await Promise.all(
        calls.map(async (appended) => ({ appended, receipt: await log.append(appended) })),
      );
      placed.sort((one, other) => one.receipt.firstIndex - other.receipt.firstIndex);
      let next = 0;
      for (const { appended, receipt } of placed) {
        assert.deepEqual(receipt, { firstIndex: next, size: next + appended.length });
        next = receipt.size;
      }
      await assertLogHolds(
        log,
        placed.flatMap(({ appended }) => appended),
      );
    }));

  test("takes all entries of an append or none, and no other append suffers for it", () =>
    withStorage(open, async ({ log }) => {
      const first = entry("first");
      await log.append([first]);
      const before = entries(2, "before");
      const after = entries(2, "after");
      const [one, bad, other] = await Promise.allSettled([
        log.append(before),
        // An entry cannot be recorded twice, so the fresh one beside it must not be there either.
        log.append([entry("fresh"), first]),
        log.append(after),
      ]);
      assert.deepEqual([one?.status, bad?.status, other?.status], ["fulfilled", "rejected", "fulfilled"]);
      await assertLogHolds(log, [first, ...before, ...after]);
    }));

  test("is all there when it is opened again", () =>
    withStorage(open, async ({ log }, opened) => {
      const kept = [...entries(5), entry("salted", "sub_1")];
      await log.append(kept);
      await log.setOpenFrom(3);
      const again = (await opened.reopen()).log;
      await assertLogHolds(again, kept);
      assert.equal(await again.openFrom(), 3);
      await again.takeOver("inst_2");
      const more = entry("more");
      assert.deepEqual(await again.append([more]), { firstIndex: 6, size: 7 });
      await assertLogHolds(again, [...kept, more]);
    }));

  test("has what was being appended when it was closed, and takes nothing afterwards", () =>
    withStorage(open, async ({ log, ...stores }, opened) => {
      const last = entries(2);
      const appending = log.append(last);
      await stores.close();
      await appending;
      await assert.rejects(log.append(entries(1)), { name: "LogUnavailableError" });
      await assertLogHolds((await opened.reopen()).log, last);
    }));
}

function describeReading(open: OpenStorage): void {
  test("reads ranges in order, and nothing outside of itself", () =>
    withStorage(open, async ({ log }) => {
      await log.append(entries(10));
      const indices = async (from: number, to: number): Promise<readonly number[]> =>
        (await log.read(from, to)).map(({ index }) => index);
      assert.deepEqual(await indices(3, 6), [3, 4, 5]);
      assert.deepEqual(await indices(8, 100), [8, 9]);
      assert.deepEqual(await indices(10, 20), []);
      assert.deepEqual(await indices(5, 5), []);
      assert.deepEqual(await indices(6, 3), []);
    }));

  test("gives at most 10,000 entries at a time", () =>
    withStorage(open, async ({ log }) => {
      await log.append(entries(10_001));
      const batch = await log.read(0, 20_000);
      assert.equal(batch.length, 10_000);
      assert.equal(batch.at(-1)?.index, 9_999);
    }));

  test("finds an entry by its id, wherever it lies, and no other", () =>
    withStorage(open, async ({ log }) => {
      const all = entries(50);
      // The end of a call may be recorded long after it was stamped.
      const late = entry("late");
      await log.append([...all, ...entries(50)]);
      await log.append([late]);
      const found = await log.byId(all[20]?.id ?? "");
      assert.deepEqual([found?.index, hex(found?.leaf ?? null)], [20, hex(all[20]?.leaf ?? null)]);
      assert.equal((await log.byId(late.id))?.index, 100);
      for (const unknown of [
        entry().id,
        "",
        "nonsense",
        `${late.id}00`,
        `${late.id}zz`,
        late.id.slice(0, -1),
      ]) {
        assert.equal(await log.byId(unknown), null, `\`${unknown}\` is no id of an entry`);
      }
    }));

  test("keeps a salt with its entry, and has none for the others", () =>
    withStorage(open, async ({ log }) => {
      const salted = [entry("one", "sub_1"), entry("two", "sub_1"), entry("three", "sub_2")];
      const plain = entry("plain");
      await log.append([...salted, plain]);
      for (const { id, salt } of salted) assert.equal(hex(await log.salt(id)), hex(salt?.bytes ?? null));
      assert.equal(await log.salt(plain.id), null);
      assert.equal(await log.salt(entry().id), null);
      assert.equal(await log.salt("nonsense"), null);
    }));
}

function describeContents(open: OpenStorage): void {
  test("says what it holds besides its leaves, all of one moment", () =>
    withStorage(open, async ({ log }, opened) => {
      const nothing = {
        head: { size: 0, frontier: [], epoch: 1, openFrom: 0 },
        end: 0,
        strayEntries: 0,
        ids: 0,
      };
      assert.deepEqual(await log.contents(), nothing);
      const all = entries(13);
      const appending = all.map((one) => log.append([one]));
      for (let look = 0; look < 5; look += 1) {
        const { head, end, strayEntries, ids } = await log.contents();
        assert.deepEqual([end, strayEntries, ids], [head?.size, 0, head?.size]);
      }
      await Promise.all(appending);
      await log.setOpenFrom(7);
      const { head, ...rest } = await (await opened.reopen()).log.contents();
      assert.ok(head !== null);
      assert.deepEqual(rest, { end: 13, strayEntries: 0, ids: 13 });
      assert.deepEqual([head.epoch, head.openFrom], [1, 7]);
      assert.deepEqual(hexHead(head), hexHead(headOf(all.map(({ leaf }) => leaf))));
    }));

  test("says of many ids where their entries stand and what salts they have, in the order it was asked in", () =>
    withStorage(open, async ({ log }) => {
      const all = [entry("salted", "sub_1"), ...entries(1_500), entry("last", "sub_2")];
      await log.append(all);
      const asked = [...all.toReversed().map(({ id }) => id), entry().id, "nonsense", all[0]?.id ?? ""];
      assert.deepEqual(
        (await log.recordsOf(asked)).map(({ index, salt }) => [index, hex(salt)]),
        asked.map((id) => {
          const index = all.findIndex((one) => one.id === id);
          return [index === -1 ? null : index, hex(all[index]?.salt?.bytes ?? null)];
        }),
      );
      assert.deepEqual(await log.recordsOf([]), []);
    }));
}

function describeFencing(open: OpenStorage): void {
  test("is not written by who has not taken over", async () => {
    const opened = await open();
    try {
      await assert.rejects(opened.stores.log.append(entries(1)), FencedError);
      await assertLogHolds(opened.stores.log, []);
    } finally {
      await opened.close();
    }
  });

  test("counts epochs from 1, across restarts too", () =>
    withStorage(open, async ({ log }, opened) => {
      assert.equal(await log.takeOver("inst_1"), 2);
      assert.equal(await (await opened.reopen()).log.takeOver("inst_2"), 3);
    }));

  test("is written by the latest to take over, and by no earlier one from then on", () =>
    withStorage(open, async ({ log }, opened) => {
      const mine = entries(2, "mine");
      await log.append(mine);
      const beside = await opened.rival();
      const rival = beside.log;
      await assert.rejects(rival.append(entries(1)), FencedError);
      assert.equal(await opened.replace(beside, "inst_2"), 2);
      await assert.rejects(log.append(entries(2)), FencedError);
      const theirs = entries(3, "theirs");
      assert.deepEqual(await rival.append(theirs), { firstIndex: 2, size: 5 });
      await assert.rejects(log.append([]), FencedError);
      await assertLogHolds(log, [...mine, ...theirs]);
    }));

  test("stays whole while appends race a take-over", () =>
    withStorage(open, async ({ log }, opened) => {
      const beside = await opened.rival();
      const rival = beside.log;
      const attempt = async (store: typeof log, name: string) => {
        const appended = entries(2, name);
        return { appended, receipt: await store.append(appended) };
      };
      const raced = await Promise.allSettled([
        ...Array.from({ length: 20 }, (_, at) => attempt(log, `mine ${at}`)),
        opened.replace(beside, "inst_2").then(() => attempt(rival, "theirs")),
        ...Array.from({ length: 20 }, (_, at) => attempt(log, `mine later ${at}`)),
      ]);
      const landed = raced
        .filter((one) => one.status === "fulfilled")
        .map(({ value }) => value)
        .sort((one, other) => one.receipt.firstIndex - other.receipt.firstIndex);
      for (const one of raced) if (one.status === "rejected") assert.ok(one.reason instanceof FencedError);
      assert.equal(Buffer.from(landed.at(-1)?.appended[0]?.leaf ?? "").includes("theirs"), true);
      await assertLogHolds(
        log,
        landed.flatMap(({ appended }) => appended),
      );
    }));
}
