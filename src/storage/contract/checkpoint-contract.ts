// The guarantees of LogStore (audit/log-store.ts) about checkpoints: which are kept, which are thinned, which are refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogStore, StoredCheckpoint } from "../../audit/log-store.ts";
import { type OpenStorage, withStorage } from "./driver.ts";
import { entries, headOf, hex, hexHead } from "./samples.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** The beginning of a day. */
const start = Date.UTC(2026, 0, 5);

export function describeCheckpoints(open: OpenStorage): void {
  describeKeeping(open);
  describeThinning(open);

  test("remembers where recovery starts, forwards and backwards", () =>
    withStorage(open, async ({ log }) => {
      for (const index of [7, 3]) {
        await log.setOpenFrom(index);
        assert.equal(await log.openFrom(), index);
      }
    }));
}

function describeKeeping(open: OpenStorage): void {
  const checkpoint = (leaves: readonly Uint8Array[], note = `note of ${leaves.length}`): StoredCheckpoint => {
    const { size, frontier } = headOf(leaves);
    return { size, time: start, frontier, root: frontier[0] ?? Buffer.alloc(32), note };
  };

  test("keeps checkpoints, the latest and each by its size", () =>
    withStorage(open, async ({ log }, opened) => {
      assert.equal(await log.latestCheckpoint(), null);
      assert.deepEqual(await keptOf(log), []);
      const leaves = entries(9).map(({ leaf }) => leaf);
      const [small, large] = [checkpoint(leaves.slice(0, 4)), checkpoint(leaves)];
      await log.putCheckpoint(small);
      await log.putCheckpoint(large);
      const stores = await opened.reopen();
      for (const [stored, kept] of [
        [await stores.log.latestCheckpoint(), large],
        [await stores.log.checkpointAt(4), small],
        [(await keptOf(stores.log))[0] ?? null, small],
      ] as const) {
        assert.ok(stored !== null);
        assert.deepEqual(hexHead(stored), hexHead(kept));
        assert.deepEqual([hex(stored.root), stored.note, stored.time], [hex(kept.root), kept.note, start]);
      }
      for (const [size, found] of [
        [3, undefined],
        [4, 4],
        [8, 4],
        [100, 9],
      ] as const)
        assert.equal((await stores.log.checkpointAtOrBelow?.(size))?.size, found);
      assert.equal(await stores.log.checkpointAt(5), null);
    }));

  test("takes no checkpoint that is smaller than the last, nor another tree of its size", () =>
    withStorage(open, async ({ log }) => {
      const leaves = entries(9).map(({ leaf }) => leaf);
      const last = checkpoint(leaves);
      await log.putCheckpoint(last);
      await log.putCheckpoint(last);
      await assert.rejects(log.putCheckpoint(checkpoint(leaves.slice(0, 8))));
      await assert.rejects(log.putCheckpoint({ ...last, root: Buffer.alloc(32, 1), note: "a fork" }));
      assert.equal((await log.latestCheckpoint())?.note, last.note);
      assert.equal(await log.checkpointAt(8), null);
    }));

  test("keeps cosignatures with their checkpoint, and knows the latest that enough witnesses have cosigned", () =>
    withStorage(open, async ({ log }, opened) => {
      const leaves = entries(9).map(({ leaf }) => leaf);
      const [small, large] = [checkpoint(leaves.slice(0, 4)), checkpoint(leaves)];
      await log.putCheckpoint(small);
      await log.putCosigned(4, "one cosigned", false);
      assert.equal(await log.witnessedCheckpoint(), null);
      assert.equal((await log.latestCheckpoint())?.note, "one cosigned");
      await log.putCosigned(4, "two cosigned", true);
      await log.putCosigned(4, "one cosigned", false);
      await log.putCheckpoint(small);
      await log.putCheckpoint(large);
      await log.putCosigned(9, "one cosigned this", false);
      await log.putCosigned(7, "nothing is of this size", true);
      const again = (await opened.reopen()).log;
      const found = await again.witnessedCheckpoint();
      assert.ok(found !== null);
      assert.deepEqual([found.size, found.note], [4, "two cosigned"]);
      assert.deepEqual(hexHead(found), hexHead(small));
      assert.deepEqual(
        (await again.keptCheckpoints(0)).map(({ note }) => note),
        ["two cosigned", "one cosigned this"],
      );
      await again.takeOver("inst_2");
      await again.putCosigned(9, "two cosigned this", true);
      assert.equal((await again.witnessedCheckpoint())?.size, 9);
    }));

  test("lists the checkpoints that are kept, smallest first, a thousand at a time", () =>
    withStorage(open, async ({ log }) => {
      await putAt(
        log,
        Array.from({ length: 1_005 }, (_, at) => start + at),
      );
      const batch = await log.keptCheckpoints(0);
      assert.equal(batch.length, 1_000);
      assert.deepEqual(
        (await log.keptCheckpoints(batch.at(-1)?.size ?? 0)).map(({ size }) => size),
        [1_001, 1_002, 1_003, 1_004, 1_005],
      );
      assert.deepEqual(await log.keptCheckpoints(1_005), []);
    }));
}

function describeThinning(open: OpenStorage): void {
  test("keeps every checkpoint of an hour, the last of each minute of a day, and then the last of each hour", () =>
    withStorage(open, async ({ log }) => {
      const seconds = [0, 20, 59.999, 60, 90, 119.999, 30 * 60, 30 * 60 + 1];
      const times = seconds.map((second) => start + second * 1_000);
      await putAt(log, times);
      assert.deepEqual(await keptTimes(log), times);

      const lastOfMinutes = [times[2], times[5], times[7]];
      await putAt(log, [start + 2 * hour], times.length);
      assert.deepEqual(await keptTimes(log), [...lastOfMinutes, start + 2 * hour]);

      await putAt(log, [start + day + 2 * hour], times.length + 1);
      assert.deepEqual(await keptTimes(log), [times[7], start + 2 * hour, start + day + 2 * hour]);
    }));

  test("keeps the latest that witnesses have cosigned while they are away, and thins it once there is another", () =>
    withStorage(open, async ({ log }) => {
      const times = [0, 10, 20, 30].map((second) => start + second * 1_000);
      await putAt(log, times);
      await log.putCosigned(2, "cosigned", true);
      await putAt(log, [start + 2 * day, start + 2 * day + minute], 4);
      assert.deepEqual(await keptTimes(log), [times[1], times[3], start + 2 * day, start + 2 * day + minute]);
      await log.putCosigned(6, "cosigned", true);
      await log.putCosigned(5, "cosigned", true);
      await putAt(log, [start + 4 * day], 6);
      assert.deepEqual(await keptTimes(log), [times[1], times[3], start + 2 * day + minute, start + 4 * day]);
    }));

  test("thins alike however often it is asked to, over days with pauses and bursts, and across restarts", () =>
    withStorage(open, async ({ log }, opened) => {
      const times = variedTimes(900);
      await putAt(log, times.slice(0, 450));
      const again = (await opened.reopen()).log;
      await putAt(again, times.slice(450), 450);
      assert.deepEqual(await keptTimes(again), expectedTimes(times));
      assert.equal((await again.latestCheckpoint())?.size, 900);
    }));

  test("goes on thinning after the clock was wrong, and keeps the latest whatever it says", () =>
    withStorage(open, async ({ log }) => {
      const before = [0, 1, 2].map((second) => start + second * 1_000);
      const wrong = start + 1_000 * day;
      const after = [3, 4, 5].map((second) => start + second * 1_000);
      await putAt(log, [...before, wrong, wrong - minute, ...after]);
      assert.equal((await log.latestCheckpoint())?.time, after[2]);
      await putAt(log, [start + 2 * hour], 8);
      assert.deepEqual(await keptTimes(log), [before[2], wrong, wrong - minute, after[2], start + 2 * hour]);
    }));
}

/** Puts a checkpoint for each time, each an entry larger than the one before. */
async function putAt(log: LogStore, times: readonly number[], sizeBefore = 0): Promise<void> {
  await Promise.all(
    times.map((time, at) => {
      const size = sizeBefore + at + 1;
      const root = Buffer.alloc(32, size);
      return log.putCheckpoint({ size, time, root, frontier: [root], note: `note of ${size}` });
    }),
  );
}

async function keptOf(log: LogStore): Promise<readonly StoredCheckpoint[]> {
  return log.keptCheckpoints(0);
}

async function keptTimes(log: LogStore): Promise<readonly number[]> {
  return (await keptOf(log)).map(({ time }) => time);
}

/** About a week: bursts of seconds, gaps of minutes to half a day, always the same. */
function variedTimes(count: number): readonly number[] {
  let time = start;
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647;
    const kind = state % 50;
    time += kind === 0 ? 12 * hour + (state % 1_000) : kind < 5 ? state % (20 * minute) : state % 15_000;
    return time;
  });
}

/** The rule as it is written down, over all of them at once. */
function expectedTimes(times: readonly number[]): readonly number[] {
  const now = times.at(-1) ?? 0;
  const lastOf = (span: number, time: number, at: number): boolean =>
    Math.floor((times[at + 1] ?? Number.POSITIVE_INFINITY) / span) !== Math.floor(time / span);
  return times.filter((time, at) => {
    const age = now - time;
    return age < hour || (age < day && lastOf(minute, time, at)) || lastOf(hour, time, at);
  });
}
