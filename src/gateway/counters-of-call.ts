// The counters that policies read, as rows of the counter store for one call, and their numbers as facts.

import type { CounterFact, CounterMeasure, CounterValues } from "../policy/counter-facts.ts";
import { type CounterUse, sameDecision } from "../policy/counter-uses.ts";
import type { Amount, BoundCounter, Counter } from "../usage/counter-store.ts";
import type { DescribedCall } from "./call.ts";

const measured: Readonly<Record<CounterMeasure, keyof Amount>> = {
  rate: "requests",
  tokens: "tokens",
  spend: "microUsd",
  unpriced: "unpriced",
};

/** One row, and the facts that are read off it. */
export interface CounterOfCall {
  readonly counter: Counter;
  /** Whether the call counts in it. */
  readonly counts: boolean;
  readonly uses: readonly CounterUse[];
}

/** Counters of a user have no row when the call names none. */
export function countersOfCall(uses: readonly CounterUse[], call: DescribedCall): readonly CounterOfCall[] {
  const rows = new Map<string, CounterOfCall>();
  for (const use of uses) {
    const name = nameOf(use, call);
    if (name === null) continue;
    const { kind } = use.of;
    const key = `${kind}/${use.window}/${name}`;
    rows.set(key, {
      counter: { kind, name, window: use.window },
      counts: kind !== "group" || call.application.groups.includes(name),
      uses: [...(rows.get(key)?.uses ?? []), use],
    });
  }
  return [...rows.values()];
}

/** The numbers as facts; null for those of a user that the call does not name. */
export function counterValues(
  uses: readonly CounterUse[],
  rows: readonly CounterOfCall[],
  amounts: readonly Amount[],
): CounterValues {
  const values: Record<string, number | null> = Object.fromEntries(uses.map(({ path }) => [path, null]));
  for (const [at, row] of rows.entries()) {
    for (const { path, measure } of row.uses) values[path] = amounts[at]?.[measured[measure]] ?? null;
  }
  return values;
}

/** Where the rows have to stand for the decision on these values to be the decision. */
export function boundCounters(
  rows: readonly CounterOfCall[],
  values: CounterValues,
): readonly BoundCounter[] {
  return rows.map(({ counter, counts, uses }) => ({
    ...counter,
    counts,
    within: Object.fromEntries(
      uses.map((use) => [measured[use.measure], sameDecision(use, values[use.path] ?? 0)]),
    ),
  }));
}

function nameOf({ of }: CounterFact, call: DescribedCall): string | null {
  switch (of.kind) {
    case "application":
      return call.application.name;
    case "user":
      return call.user;
    case "group":
      return of.name;
  }
}
