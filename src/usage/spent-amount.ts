// What a call adds to the counters: before it is sent the most that it is expected to use, afterwards what it used. One
// way to reckon both, and the same for a call that has just ended as for its entry on the log.

import type { Amount } from "./counter-store.ts";

export interface Spent {
  /** Requests that left for a provider; with `unknown`, that may have left. */
  readonly sent: number;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
  /** Millionths of a US dollar; null without a known price. */
  readonly cost: number | null;
  readonly unknown?: boolean;
}

/** However often it was sent, a call is one request; one that was never sent is none. */
export function spentAmount({ sent, usage, cost, unknown = false }: Spent): Amount {
  const tokens = usage.input_tokens + usage.output_tokens;
  const unpriced = cost === null && (tokens > 0 || (unknown && sent > 0));
  return { requests: sent > 0 ? 1 : 0, tokens, microUsd: cost ?? 0, unpriced: unpriced ? 1 : 0 };
}
