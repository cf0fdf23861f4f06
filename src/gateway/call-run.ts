// What one call has done so far, and its single completion. Lives as long as the call.

import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { Handed } from "../approvals/attaching.ts";
import { type CallPatience, usualPatience } from "../providers/routing.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import { type DescribedCall, type Target, targetId } from "./call.ts";
import type { Tried } from "./try-outcome.ts";

export type CallOutcome = LeafBody<"call.completed">["outcome"];
export type FailedTry = NonNullable<LeafBody<"call.completed">["failed"]>[number];

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
  /** What an earlier call had left waiting, and this one was answered from; left out where it asked its own model. */
  readonly hold?: string;
}

export const noUsage: TokenUsage = {
  input_tokens: 0,
  cached_input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  source: "none",
};

/** Of two turns; an estimate in one of them makes it one. */
export function sumOf(before: TokenUsage | null, usage: TokenUsage): TokenUsage {
  if (before === null) return usage;
  const sources = [before.source, usage.source];
  return {
    input_tokens: before.input_tokens + usage.input_tokens,
    cached_input_tokens: before.cached_input_tokens + usage.cached_input_tokens,
    output_tokens: before.output_tokens + usage.output_tokens,
    reasoning_tokens: before.reasoning_tokens + usage.reasoning_tokens,
    source: sources.includes("estimate") ? "estimate" : sources.includes("provider") ? "provider" : "none",
  };
}

export class CallRun {
  #call: DescribedCall;
  readonly patience: CallPatience;
  /** Decisions made so far; the number of the newest. */
  dispatch = 0;
  /** Whether a decision of this call is durable: from then on it owes the trail a completion. */
  decided = false;
  /** Whether it holds a reservation: from then on it owes the counters what it used. */
  reserved = false;
  /** The hold that it waits for, or has picked up: to be left once the call is over. */
  heldBy: string | null = null;
  /** The approval that its request goes out under, where it had to wait for one. */
  under: string | null = null;
  /** What its answer is of what became of that hold; nothing where it says that it still waits. */
  handed: Handed = "nothing";
  /** Whether its completion is durable. */
  ended = false;
  /** Whether the answer under way is kept for a retry, should its client leave: it proposes something that may wait. */
  keepsAnswer = false;
  /** Requests that left for a provider. */
  sent = 0;
  /** Where the last request went. */
  target: Target | null = null;
  /** `performance.now()` at which the current request left, and the time spent waiting for providers. */
  sentAt = 0;
  upstreamMs = 0;
  /** `performance.now()` at which the last request left, its answer had come so far, and a stream's first part came. */
  leftAt = 0;
  returnedAt = 0;
  firstChunkAt: number | null = null;
  /** Whether the last request is being answered well; what goes wrong from then on is its answer's fault. */
  answered = false;
  /** `performance.now()` of the first byte written to the client. */
  firstByteAt: number | null = null;
  /** What the answer that is under way has used so far; null when there is none. */
  usageSoFar: (() => TokenUsage) | null = null;
  /** How often its model was told what was rejected, and what the turns before the last have used. */
  reprompts = 0;
  usageBefore: TokenUsage | null = null;
  /** What the answer is written by, once its first bytes are out bit by bit. */
  writer: AnswerWriter | null = null;
  #next: Buffer | null = null;
  #failed: FailedTry[] | null = null;
  /** `performance.now()` at which the call's time is up; null until its first request leaves. */
  #until: number | null = null;
  #completed = false;

  constructor(call: DescribedCall, patience: CallPatience = usualPatience) {
    this.#call = call;
    this.patience = patience;
  }

  /** As it is made now: after a reprompt its body is longer than what the client sent. */
  get call(): DescribedCall {
    return this.#call;
  }

  /**
   * The call ends no more with the turn that it had: its model is asked again, with this body. `usage` is that turn's.
   */
  reprompt(body: Buffer, usage: TokenUsage): void {
    this.#next = body;
    this.reprompts += 1;
    this.usageBefore = sumOf(this.usageBefore, usage);
  }

  /** The body of the next turn, to be asked for once; null when there is none. */
  takeNext(): Buffer | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  /** The next turn begins. */
  goOn(call: DescribedCall): void {
    this.#call = call;
    this.under = null;
    this.keepsAnswer = false;
  }

  leave(target: Target): void {
    this.sent += 1;
    this.target = target;
    this.usageSoFar = null;
    this.sentAt = performance.now();
    this.leftAt = this.sentAt;
    this.firstChunkAt = null;
    this.answered = false;
    this.#until ??= this.sentAt + this.patience.totalMs;
  }

  /** Milliseconds that the call may still take. */
  msLeft(): number {
    return this.#until === null ? this.patience.totalMs : this.#until - performance.now();
  }

  /** Whether the request makes its provider act. */
  get acts(): boolean {
    return this.call.request.features.length > 0;
  }

  /** Notes a try that failed and is followed by another. */
  failedTry(target: Target, tried: Tried, dispatch = this.dispatch): void {
    this.#failed ??= [];
    this.#failed.push({
      dispatch,
      reason: tried.ok ? "status" : tried.failure.reason,
      sent: tried.ok || (tried.failure.reason !== "circuit_open" && tried.failure.unsent !== true),
      status: tried.ok ? tried.value.status : null,
      target: targetId(target),
    });
  }

  /** In the order of their decisions; null when there are none. */
  get failed(): readonly FailedTry[] | null {
    return this.#failed?.toSorted((a, b) => a.dispatch - b.dispatch) ?? null;
  }

  returned(): void {
    this.returnedAt = performance.now();
    this.upstreamMs += this.returnedAt - this.sentAt;
    this.call.steps?.returned();
  }

  firstChunk(): void {
    this.firstChunkAt ??= performance.now();
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
