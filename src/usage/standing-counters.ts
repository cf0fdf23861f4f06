// Where the counters of applications and groups stand now, for people: a few rows each, however many users there are.

import { calendarWindows, windowEnd, windowStart } from "../core/calendar-window.ts";
import { rfc3339 } from "../core/clock.ts";
import type { Amount, Counter, CounterStore, CounterSubject } from "./counter-store.ts";

export interface StandingCounter extends Counter {
  /** RFC 3339. The window's end is the beginning of the next one. */
  readonly begins: string;
  readonly ends: string;
  /** What calls under way hold is in it. */
  readonly amount: Amount;
}

export async function standingCounters(
  store: Pick<CounterStore, "read">,
  subjects: readonly CounterSubject[],
  at: number,
): Promise<readonly StandingCounter[]> {
  const counters = subjects.flatMap((subject) => calendarWindows.map((window) => ({ ...subject, window })));
  const amounts = await store.read(at, counters);
  return counters.flatMap((counter, position) => {
    const amount = amounts[position];
    if (amount === undefined) return [];
    const begins = rfc3339(windowStart(counter.window, at));
    return [{ ...counter, begins, ends: rfc3339(windowEnd(counter.window, at)), amount }];
  });
}
