// A call that is followed step by step, for a trace.

/** One call being followed. Times are those of `performance.now()`. */
export interface CallSteps {
  /** Entries were handed to the trail at `since` and are durable now, or were not taken. */
  recorded(entries: number, since: number, taken: boolean): void;
  /** As much as has come so far of the answer of the request under way. */
  returned(): void;
  /** Of the request under way, in place of the client's. */
  readonly traceparent: string;
}
