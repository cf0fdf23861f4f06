// What the contract suite counts.

import type { Amount, BoundCounter, CountedCall, Counter, Reservation } from "../../usage/counter-store.ts";

/** Monday, 2026-11-30, 23:59:30 UTC: the last half minute of its month. */
export const monthEnd = Date.parse("2026-11-30T23:59:30.000Z");
export const shopMonth: Counter = { kind: "application", name: "shop", window: "month" };
export const shopMinute: Counter = { ...shopMonth, window: "minute" };
export const staffDay: Counter = { kind: "group", name: "staff", window: "day" };
export const zero: Amount = { requests: 0, tokens: 0, microUsd: 0, unpriced: 0 };
export const used: Amount = { requests: 1, tokens: 100, microUsd: 40, unpriced: 0 };

export function reservation(changes: Partial<Reservation>): Reservation {
  return { call: "call_1", holder: "here", at: monthEnd, counters: [], amount: used, ...changes };
}

export function counted(
  call: string,
  amount: Amount = used,
  subjects: CountedCall["subjects"] = [
    { kind: "application", name: "shop" },
    { kind: "group", name: "staff" },
  ],
): CountedCall {
  return { call, at: monthEnd, subjects, amount, unknown: false };
}

export function free(counter: Counter): BoundCounter {
  return { ...counter, counts: true, within: {} };
}

export function bound(
  counter: Counter,
  measure: keyof Amount,
  atLeast: number,
  atMost: number,
): BoundCounter {
  return { ...counter, counts: true, within: { [measure]: { atLeast, atMost } } };
}

export function times(count: number): Amount {
  return { requests: count, tokens: 100 * count, microUsd: 40 * count, unpriced: 0 };
}
