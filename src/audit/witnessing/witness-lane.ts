// One witness among others: at most one request to it is under way, and after a failure it is left alone for a while, longer
// each time.

import type { Cosignature } from "portcullis-verify/log/cosignature.ts";
import type { FeedOutcome, OfferedCheckpoint, WitnessFeed } from "./witness-feed.ts";

/** What became of asking it, for counting. */
export type LaneOutcome = "cosigned" | "ahead" | "contradicted" | "unreachable" | "refused" | "invalid";

export interface LaneListener {
  cosigned(checkpoint: OfferedCheckpoint, cosignature: Cosignature): void;
  /** Why it cannot be had just now; null once it can again. Told when it changes. */
  trouble(witness: string, why: string | null): void;
  contradicted(witness: string, why: string): void;
  /** It has nothing under way any more. */
  idle(): void;
}

const firstRestMs = 1_000;
const longestRestMs = 60_000;

export class WitnessLane {
  readonly name: string;
  readonly outcomes: Record<LaneOutcome, number> = {
    cosigned: 0,
    ahead: 0,
    contradicted: 0,
    unreachable: 0,
    refused: 0,
    invalid: 0,
  };
  readonly #feed: Pick<WitnessFeed, "ask">;
  readonly #listener: LaneListener;
  readonly #uptimeMs: () => number;
  #underWay: Promise<void> | null = null;
  /** The largest size that it is known to have cosigned. */
  #size = -1;
  #failures = 0;
  #restsUntil = 0;
  #told: string | null = null;

  constructor(name: string, feed: Pick<WitnessFeed, "ask">, listener: LaneListener, uptimeMs: () => number) {
    this.name = name;
    this.#feed = feed;
    this.#listener = listener;
    this.#uptimeMs = uptimeMs;
  }

  /** Entries that it is known to have cosigned; -1 while nothing is known. */
  get size(): number {
    return this.#size;
  }

  /** Resolves, and never rejects, when the request that is under way has ended; null when none is. */
  get underWay(): Promise<void> | null {
    return this.#underWay;
  }

  /** Whether nothing more is to be had of it on this checkpoint for now. */
  isThrough(size: number): boolean {
    return this.#underWay === null && (this.#size >= size || this.#rests);
  }

  /** Asks it, unless it is busy, rests, or has it. Resolves when what is under way has ended; never rejects. */
  want(checkpoint: OfferedCheckpoint, signal: AbortSignal): Promise<void> {
    if (this.#underWay !== null) return this.#underWay;
    if (this.#size >= checkpoint.size || this.#rests) return Promise.resolve();
    this.#underWay = this.#ask(checkpoint, signal).finally(() => {
      this.#underWay = null;
      this.#listener.idle();
    });
    return this.#underWay;
  }

  get #rests(): boolean {
    return this.#uptimeMs() < this.#restsUntil;
  }

  async #ask(checkpoint: OfferedCheckpoint, signal: AbortSignal): Promise<void> {
    const outcome = await this.#outcome(checkpoint, signal);
    if (signal.aborted && outcome.kind === "failed") return;
    this.outcomes[outcome.kind === "failed" ? outcome.reason : outcome.kind] += 1;
    switch (outcome.kind) {
      case "cosigned":
        this.#size = checkpoint.size;
        this.#listener.cosigned(checkpoint, outcome.cosignature);
        return this.#succeeded();
      case "ahead":
        this.#size = outcome.size;
        return this.#succeeded();
      case "contradicted":
        return this.#listener.contradicted(this.name, outcome.why);
      case "failed":
        return this.#failed(outcome.why);
    }
  }

  async #outcome(checkpoint: OfferedCheckpoint, signal: AbortSignal): Promise<FeedOutcome> {
    try {
      return await this.#feed.ask(checkpoint, signal);
    } catch (fault) {
      const why = fault instanceof Error ? fault.message : String(fault);
      return { kind: "failed", reason: "invalid", why: `nothing can be proved to it: ${why}` };
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#restsUntil = 0;
    this.#tell(null);
  }

  #failed(why: string): void {
    this.#restsUntil = this.#uptimeMs() + Math.min(longestRestMs, firstRestMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#tell(why);
  }

  #tell(why: string | null): void {
    if (why === this.#told) return;
    this.#told = why;
    this.#listener.trouble(this.name, why);
  }
}
