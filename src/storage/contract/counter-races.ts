// The guarantees of CounterStore (usage/counter-store.ts) where calls and gateways race.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CounterStore } from "../../usage/counter-store.ts";
import {
  bound,
  counted,
  free,
  monthEnd,
  reservation,
  shopMonth,
  staffDay,
  times,
  used,
} from "./counter-samples.ts";
import { type OpenStorage, withStorage } from "./driver.ts";

export function describeCounterRaces(open: OpenStorage): void {
  const calls = Array.from({ length: 100 }, (_, at) => `call_${at}`);

  test("of reservations that race for one counter exactly as many are made as fit, whichever gateway makes them", () =>
    withStorage(open, async ({ counters }, opened) => {
      const stores = [counters, (await opened.rival()).counters];
      const bounds = [bound(shopMonth, "tokens", 0, 3000), free(staffDay)];
      const results = await Promise.all(
        calls.map((call, at) => storeOf(stores, at).reserve(reservation({ call, counters: bounds }))),
      );
      assert.equal(results.filter(({ reserved }) => reserved).length, 30);
      const stood = results.filter(({ reserved }) => reserved).map(({ values: [first] }) => first?.tokens);
      assert.deepEqual(
        stood.toSorted((a, b) => Number(a) - Number(b)),
        Array.from({ length: 30 }, (_, at) => (at + 1) * 100),
      );
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [times(30), times(30)]);
    }));

  test("reservations of several counters that race in opposite orders do not hold each other up for good", () =>
    withStorage(open, async ({ counters }, opened) => {
      const stores = [counters, (await opened.rival()).counters];
      const orders = [
        [free(shopMonth), free(staffDay)],
        [free(staffDay), free(shopMonth)],
      ];
      const results = await Promise.all(
        calls.map((call, at) =>
          storeOf(stores, at).reserve(reservation({ call, counters: orders[at % 2] ?? [] })),
        ),
      );
      assert.ok(results.every(({ reserved }) => reserved));
      assert.deepEqual(await counters.read(monthEnd, [shopMonth, staffDay]), [times(100), times(100)]);
    }));

  test("settling, releasing and counting may race for the same calls, and each counts once", () =>
    withStorage(open, async ({ counters, usage }, opened) => {
      const rival = await opened.rival();
      for (const call of calls) await counters.reserve(reservation({ call, counters: [free(shopMonth)] }));
      const real = times(2);
      const ends = calls.slice(0, 60).map((call) => counted(call, real));
      const settled = calls.slice(0, 80);
      const released = calls.slice(80);
      const [counts] = await Promise.all([
        Promise.all([usage, rival.usage].map((store) => store.advance(0, 60, [], ends))),
        ...settled.map((call, at) => storeOf([counters, rival.counters], at).settle(call, real)),
        ...released.flatMap((call) => [counters.release(call), rival.counters.release(call)]),
      ]);
      assert.equal(counts.filter(Boolean).length, 1);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [times(160)]);
      assert.equal(await counters.releaseOfOthers([]), 20);
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [times(120)]);
    }));

  test("one call that is reserved many times at once holds one reservation", () =>
    withStorage(open, async ({ counters }, opened) => {
      const stores = [counters, (await opened.rival()).counters];
      const results = await Promise.all(
        calls.map((_, at) => storeOf(stores, at).reserve(reservation({ counters: [free(shopMonth)] }))),
      );
      assert.deepEqual(new Set(results.map(({ values: [first] }) => first?.tokens)), new Set([100]));
      assert.deepEqual(await counters.read(monthEnd, [shopMonth]), [used]);
    }));
}

function storeOf(stores: readonly CounterStore[], at: number): CounterStore {
  const store = stores[at % stores.length];
  assert.ok(store);
  return store;
}
