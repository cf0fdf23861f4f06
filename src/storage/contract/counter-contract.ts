// The guarantees of CounterStore (usage/counter-store.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Counter } from "../../usage/counter-store.ts";
import { describeCounterRaces } from "./counter-races.ts";
import {
  bound,
  counted,
  free,
  monthEnd,
  reservation,
  shopMinute,
  shopMonth,
  staffDay,
  times,
  used,
  zero,
} from "./counter-samples.ts";
import { type OpenStorage, withStorage } from "./driver.ts";

export function describeCounterContract(open: OpenStorage): void {
  describe("counters", () => {
    describeReserving(open);
    describeCounting(open);
    describeCounterRaces(open);
  });
}

function describeReserving(open: OpenStorage): void {
  test("a reservation counts in all of its counters until it is released, and outlives a restart", () =>
    withStorage(open, async ({ counters }, opened) => {
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [zero, zero]);
      const made = await counters.reserve(reservation({ counters: [free(shopMonth), free(staffDay)] }));
      assert.deepEqual(made, { reserved: true, values: [used, used] });
      const reopened = await opened.reopen();
      await reopened.log.takeOver("inst_2");
      const again = reopened.counters;
      assert.deepEqual(await again.read(monthEnd, [shopMonth, staffDay, shopMinute]), [used, used, zero]);
      assert.equal(await again.release("call_1"), true);
      assert.deepEqual(await again.read(monthEnd, [shopMonth, staffDay]), [zero, zero]);
      assert.equal(await again.release("call_1"), false);
    }));

  test("a reservation that would leave one bound is not made at all, and says where the counters would stand", () =>
    withStorage(open, async ({ counters }) => {
      await counters.reserve(reservation({ counters: [free(shopMonth)] }));
      const tooMuch = reservation({
        call: "call_2",
        counters: [free(staffDay), bound(shopMonth, "microUsd", 0, 79)],
      });
      assert.deepEqual(await counters.reserve(tooMuch), { reserved: false, values: [used, times(2)] });
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [used, zero]);
      const tooLittle = { ...tooMuch, counters: [bound(shopMonth, "requests", 3, 9)] };
      assert.equal((await counters.reserve(tooLittle)).reserved, false);
      const exact = { ...tooMuch, counters: [bound(shopMonth, "microUsd", 80, 80)] };
      assert.equal((await counters.reserve(exact)).reserved, true);
    }));

  test("another reservation of the same call takes the place of the first, or leaves it", () =>
    withStorage(open, async ({ counters }) => {
      await counters.reserve(reservation({ counters: [free(shopMonth), free(staffDay)] }));
      const dearer = { ...used, microUsd: 90 };
      const second = reservation({ amount: dearer, counters: [bound(shopMonth, "microUsd", 0, 89)] });
      assert.deepEqual(await counters.reserve(second), { reserved: false, values: [dearer] });
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [used, used]);
      const third = { ...second, counters: [bound(shopMonth, "microUsd", 0, 90)] };
      assert.deepEqual(await counters.reserve(third), { reserved: true, values: [dearer] });
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [dearer, zero]);
    }));

  test("a counter in which the call does not count is only looked at", () =>
    withStorage(open, async ({ counters }) => {
      await counters.reserve(reservation({ counters: [free(staffDay)] }));
      const second = (atMost: number) =>
        reservation({
          call: "call_2",
          counters: [free(shopMonth), { ...bound(staffDay, "requests", 0, atMost), counts: false }],
        });
      assert.deepEqual(await counters.reserve(second(0)), { reserved: false, values: [used, used] });
      assert.deepEqual(await counters.reserve(second(1)), { reserved: true, values: [used, used] });
      await counters.settle("call_2", times(3));
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [times(3), used]);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay], "call_2"), [zero, used]);
    }));

  test("what was really used takes the place of what was reserved, once", () =>
    withStorage(open, async ({ counters }) => {
      await counters.reserve(reservation({ counters: [free(shopMonth)] }));
      const real = { requests: 1, tokens: 7, microUsd: 0, unpriced: 1 };
      assert.equal(await counters.settle("call_1", real), true);
      assert.equal(await counters.settle("call_1", real), true);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [real]);
      assert.equal(await counters.settle("call_2", real), false);
    }));

  test("a call counts in the windows of its own time, however late it is settled", () =>
    withStorage(open, async ({ counters }) => {
      const nextMonth = monthEnd + 60_000;
      await counters.reserve(reservation({ counters: [free(shopMonth), free(shopMinute)] }));
      await counters.reserve(
        reservation({ call: "call_2", at: nextMonth, counters: [free(shopMonth), free(shopMinute)] }),
      );
      await counters.settle("call_1", times(2));
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, shopMinute]), [times(2), times(2)]);
      assert.deepEqual(await counters.read(nextMonth, [shopMonth, shopMinute]), [used, used]);
    }));

  test("subjects of the same name and windows that begin together are told apart", () =>
    withStorage(open, async ({ counters }) => {
      const midnight = Date.parse("2026-11-01T00:00:00.000Z");
      const odd = "sub'); DROP TABLE counters; -- \u{1f600}";
      const user: Counter = { kind: "user", name: odd, window: "day" };
      await counters.reserve(reservation({ at: midnight, counters: [free(user)] }));
      const others = [
        { ...user, kind: "group" as const },
        { ...user, kind: "application" as const },
        { ...user, window: "month" as const },
      ];
      assert.deepEqual(await counters.read(midnight, [user, ...others]), [used, zero, zero, zero]);
    }));

  test("numbers stay within what a number holds exactly", () =>
    withStorage(open, async ({ counters }) => {
      const most = Number.MAX_SAFE_INTEGER;
      const amount = { requests: 1, tokens: most, microUsd: most, unpriced: 0 };
      for (const call of ["call_1", "call_2"]) {
        await counters.reserve(reservation({ call, amount, counters: [free(shopMonth)] }));
      }
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [{ ...amount, requests: 2 }]);
      await counters.settle("call_1", zero);
      await counters.settle("call_2", zero);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [zero]);
    }));
}

function describeCounting(open: OpenStorage): void {
  test("a call that the log is counted for counts once, whether it was reserved, settled or neither", () =>
    withStorage(open, async ({ counters, usage }) => {
      for (const call of ["call_1", "call_2"]) {
        await counters.reserve(reservation({ call, counters: [free(shopMonth)] }));
      }
      await counters.settle("call_2", times(3));
      const calls = [counted("call_1"), counted("call_2", times(3)), counted("call_3")];
      assert.equal(await usage.advance(0, 6, [], calls), true);
      const everything = [shopMonth, shopMinute, staffDay];
      assert.deepEqual(await counters.read(monthEnd, everything), [times(5), times(5), times(5)]);
      assert.equal(await counters.settle("call_1", used), false);
      assert.equal(await counters.release("call_2"), false);
      assert.equal(await usage.advance(0, 6, [], calls), false);
      assert.deepEqual(await counters.read(monthEnd, everything), [times(5), times(5), times(5)]);
    }));

  test("a call of which nobody knows what it used counts with what it reserved", () =>
    withStorage(open, async ({ counters, usage }) => {
      await counters.reserve(reservation({ amount: times(4), counters: [free(shopMonth)] }));
      const unpriced = { ...zero, requests: 1, unpriced: 1 };
      const calls = [
        { ...counted("call_1", unpriced), unknown: true },
        { ...counted("call_2", unpriced), unknown: true },
      ];
      await usage.advance(0, 2, [], calls);
      const sum = { requests: 5, tokens: 400, microUsd: 160, unpriced: 1 };
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [sum]);
    }));

  test("what a call reserved at the end of a window is not counted in the next one", () =>
    withStorage(open, async ({ counters, usage }) => {
      await counters.reserve(reservation({ counters: [free(shopMonth)] }));
      await usage.advance(0, 1, [], [{ ...counted("call_1"), at: monthEnd + 60_000 }]);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [used]);
      assert.deepEqual(await counters.read(monthEnd + 60_000, [shopMonth]), [zero]);
    }));

  test("windows that are over are forgotten, so that ever new users do not fill the database", () =>
    withStorage(open, async ({ counters, usage }) => {
      const minute = (user: number): Counter => ({ kind: "user", name: `sub_${user}`, window: "minute" });
      for (let at = 0; at < 5; at += 1) {
        const call = counted(`call_${at}`, used, [{ kind: "user", name: `sub_${at}` }]);
        await usage.advance(at, at + 1, [], [{ ...call, at: monthEnd + at * 60_000 }]);
      }
      const stand = (at: number) => counters.read(monthEnd + at * 60_000, [minute(at)]);
      assert.deepEqual([await stand(0), await stand(1), await stand(2)], [[zero], [zero], [zero]]);
      assert.deepEqual([await stand(3), await stand(4)], [[used], [used]]);
      const month: Counter = { kind: "user", name: "sub_0", window: "month" };
      assert.deepEqual(await counters.read(monthEnd, [month]), [used]);
    }));

  test("after a reset only what is reserved counts, until the log is counted again", () =>
    withStorage(open, async ({ counters, usage }) => {
      await usage.advance(0, 1, [], [counted("call_1")]);
      await counters.reserve(reservation({ call: "call_2", counters: [free(shopMonth)] }));
      await usage.reset();
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, shopMinute]), [used, zero]);
      await usage.advance(0, 2, [], [counted("call_1"), counted("call_2")]);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, shopMinute]), [times(2), times(2)]);
    }));

  test("what processes that are gone hold is released, and what those that live hold stays", () =>
    withStorage(open, async ({ counters }) => {
      for (const [call, holder] of [
        ["call_1", "gone"],
        ["call_2", "here"],
        ["call_3", "there"],
      ] as const) {
        await counters.reserve(reservation({ call, holder, counters: [free(shopMonth)] }));
      }
      assert.equal(await counters.releaseOfOthers(["here", "there"]), 1);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [times(2)]);
      assert.equal(await counters.releaseOfOthers(["here", "there"]), 0);
    }));
}
