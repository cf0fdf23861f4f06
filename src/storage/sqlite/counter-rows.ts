// Rows of the counters and of what calls hold of them.

import { type CalendarWindow, windowStart } from "../../core/calendar-window.ts";
import type { Amount, Counter } from "../../usage/counter-store.ts";
import { integer, type Row, text } from "./row.ts";
import { most } from "./usage-columns.ts";

/** The numbers of an amount, in the order of their columns. */
export const amountColumns = ["requests", "tokens", "micro_usd", "unpriced"] as const;

export const nothing: Amount = { requests: 0, tokens: 0, microUsd: 0, unpriced: 0 };

/** Window, when it began, kind and name: the primary key of a counter. */
export type CounterKey = readonly [window: CalendarWindow, start: number, kind: string, name: string];

export function counterKey({ window, kind, name }: Counter, at: number): CounterKey {
  return [window, windowStart(window, at), kind, name];
}

export function amountOf(row: Row | null): Amount {
  if (row === null) return nothing;
  return {
    requests: integer(row, "requests"),
    tokens: integer(row, "tokens"),
    microUsd: integer(row, "micro_usd"),
    unpriced: integer(row, "unpriced"),
  };
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

export function heldOf(row: Row): Held {
  const counters: readonly Counter[] = JSON.parse(text(row, "counters"));
  return { at: integer(row, "at"), counters, amount: amountOf(row) };
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
  return combined(one, other, (a, b) => Math.min(a + b, most));
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
