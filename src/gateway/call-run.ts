// What one call has done so far, and its single completion. Lives as long as the call.

import type { LeafBody } from "../audit/leaf-schema.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import type { DescribedCall, Target } from "./call.ts";

export type CallOutcome = LeafBody<"call.completed">["outcome"];

/** How a call ended, as its completion records it. */
export interface Completion {
  readonly outcome: CallOutcome;
  /** The refusal's reason, or null. */
  readonly reason: string | null;
  /** HTTP status that the client gets. */
  readonly status: number;
  readonly servedModel: string | null;
  readonly finishReasons: readonly string[];
  readonly usage: TokenUsage;
  /** SHA-256 of the answer's body as the client gets it, or null when there is none. */
  readonly responseDigest: Uint8Array | null;
  /** The answer itself, where the application keeps it. */
  readonly response: Uint8Array | null;
}

export const noUsage: TokenUsage = {
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  source: "none",
};

export class CallRun {
  readonly call: DescribedCall;
  /** Decisions made so far; the number of the newest. */
  dispatch = 0;
  /** Whether a decision of this call is durable: from then on it owes the trail a completion. */
  decided = false;
  /** Requests that left for a provider. */
  sent = 0;
  /** Where the last request went. */
  target: Target | null = null;
  /** `performance.now()` at which the current request left, and the time spent waiting for providers. */
  sentAt = 0;
  upstreamMs = 0;
  /** `performance.now()` of the first byte written to the client. */
  firstByteAt: number | null = null;
  /** What the answer that is under way has used so far; null when there is none. */
  usageSoFar: (() => TokenUsage) | null = null;
  #completed = false;

  constructor(call: DescribedCall) {
    this.call = call;
  }

  leave(target: Target): void {
    this.sent += 1;
    this.target = target;
    this.usageSoFar = null;
    this.sentAt = performance.now();
  }

  returned(): void {
    this.upstreamMs += performance.now() - this.sentAt;
  }

  firstByte(): void {
    this.firstByteAt ??= performance.now();
  }

  get completed(): boolean {
    return this.#completed;
  }

  /** INVARIANT: a call is completed once. A second attempt is a bug and throws before it can be recorded. */
  markCompleted(): void {
    if (this.#completed) throw new Error(`call ${this.call.id} was completed before`);
    this.#completed = true;
  }
}
