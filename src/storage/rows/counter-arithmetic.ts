// What drivers share of counters: keys, and arithmetic that never leaves the numbers that can be read.

import {
  type CalendarWindow,
  calendarWindows,
  previousWindowStart,
  windowStart,
} from "../../core/calendar-window.ts";
import type { Amount, BoundCounter, Bounds, CountedCall, Counter } from "../../usage/counter-store.ts";

/** The numbers of an amount, in the order of their columns. */
export const amountColumns = ["requests", "tokens", "micro_usd", "unpriced"] as const;

export const nothing: Amount = { requests: 0, tokens: 0, microUsd: 0, unpriced: 0 };

/** Window, when it began, kind and name: the primary key of a counter. */
export type CounterKey = readonly [window: CalendarWindow, start: number, kind: string, name: string];

export function counterKey({ window, kind, name }: Counter, at: number): CounterKey {
  return [window, windowStart(window, at), kind, name];
}

export function valuesOf({ requests, tokens, microUsd, unpriced }: Amount): [number, number, number, number] {
  return [requests, tokens, microUsd, unpriced];
}

/** What one call holds. */
export interface Held {
  readonly at: number;
  readonly counters: readonly Counter[];
  readonly amount: Amount;
}

/** What of a counter is this call's. */
export function heldOfKey(held: Held | null, key: CounterKey): Amount {
  const name = key.join();
  const holds = held?.counters.some((counter) => counterKey(counter, held.at).join() === name) === true;
  return held !== null && holds ? held.amount : nothing;
}

/** Without what belongs to the reservation alone, as it is kept. */
export function heldCounters(counters: readonly Counter[]): string {
  return JSON.stringify(counters.map(({ window, kind, name }) => ({ window, kind, name })));
}

/** Never beyond what a number holds exactly: an absurd report must not make a counter unreadable. */
export function plus(one: Amount, other: Amount): Amount {
  return combined(one, other, (a, b) => Math.min(a + b, Number.MAX_SAFE_INTEGER));
}

export function minus(one: Amount, other: Amount): Amount {
  return combined(one, other, (a, b) => a - b);
}

/** No less than nothing. */
export function counted(amount: Amount): Amount {
  return combined(amount, nothing, Math.max);
}

function combined(one: Amount, other: Amount, of: (a: number, b: number) => number): Amount {
  return {
    requests: of(one.requests, other.requests),
    tokens: of(one.tokens, other.tokens),
    microUsd: of(one.microUsd, other.microUsd),
    unpriced: of(one.unpriced, other.unpriced),
  };
}

/** All that a call counts in, save for windows that would be forgotten at once. */
export function keysOf({ subjects }: CountedCall, at: number, newest: number): readonly CounterKey[] {
  return subjects.flatMap((subject) =>
    calendarWindows
      .map((window) => counterKey({ ...subject, window }, at))
      .filter(([window, start]) => start >= previousWindowStart(window, newest)),
  );
}

/** Whether a counter at this value is within its bounds. */
export function holds(
  { requests, tokens, microUsd, unpriced }: BoundCounter["within"],
  value: Amount | undefined,
): boolean {
  if (value === undefined) return false;
  return (
    isWithin(value.requests, requests) &&
    isWithin(value.tokens, tokens) &&
    isWithin(value.microUsd, microUsd) &&
    isWithin(value.unpriced, unpriced)
  );
}

function isWithin(value: number, bounds: Bounds | undefined): boolean {
  return bounds === undefined || (value >= bounds.atLeast && value <= bounds.atMost);
}
