// Usage as a projection of the log: built off the hot path, and rebuilt from the log at any time. Implemented by storage/.

import type { CountedCall } from "./counter-store.ts";

/** What one `call.completed` entry adds. */
export interface UsageIncrement {
  /** UTC day of the completion, YYYY-MM-DD. */
  readonly day: string;
  readonly application: string;
  /** Pseudonym, or the empty string when the call named no user. */
  readonly user: string;
  /** `provider/model`, or the empty string when nothing was dispatched. */
  readonly model: string;
  readonly calls: number;
  readonly refused: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  /** Of the calls, those whose usage is an estimate. */
  readonly estimated: number;
  readonly costMicroUsd: number;
  /** Of the calls, those that used tokens and have no known price. */
  readonly unpriced: number;
}

export type UsageDimension = "application" | "model" | "user" | "day";

export interface UsageQuery {
  readonly by: readonly UsageDimension[];
  /** Inclusive UTC days, YYYY-MM-DD. */
  readonly from: string | null;
  readonly to: string | null;
}

/** One row of an answer: the dimensions asked for are set, the others are the empty string. */
export type UsageRow = UsageIncrement;

export interface UsageStore {
  /** Entries below this index are counted. 0 for an empty projection. */
  position(): Promise<number>;
  /**
   * Adds the increments, counts the calls (counter-store.ts) and moves the position from `from` to `to`, in one transaction.
   * False when the position is not `from`.
   */
  advance(
    from: number,
    to: number,
    increments: readonly UsageIncrement[],
    calls?: readonly CountedCall[],
  ): Promise<boolean>;
  /** Sums, by the dimensions asked for, ordered by them. */
  query(query: UsageQuery): Promise<readonly UsageRow[]>;
  /** Empties the projection and the counters, save for what open reservations hold. */
  reset(): Promise<void>;
}
