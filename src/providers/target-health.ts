// How one target has fared lately, and what follows from it: whether it is asked at all (a circuit breaker), and whether and
// when it may be asked once more (a budget of retries). Counts and times only: nothing here runs by itself.

import { RecentTries } from "./recent-tries.ts";

export type CircuitState = "closed" | "open" | "half_open";

export type Entry =
  | { readonly kind: "go" }
  /** The one try that finds out whether the target works again. */
  | { readonly kind: "probe" }
  | { readonly kind: "open"; readonly retryAfterMs: number };

/** `unknown`: whoever asked went away, or nothing was sent. */
export type TryOutcome = "answered" | "failed" | "unknown";

export interface TargetHealthOptions {
  /** Milliseconds that only go forward. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly onChange: (state: CircuitState) => void;
}

/** The circuit opens when so many of the newest tries have failed, and they are at least half of them. */
const openingFailures = 5;
const firstOpenMs = 5_000;
const longestOpenMs = 60_000;
/** A probe that takes longer keeps no other from being made. */
const probeMs = 60_000;

/** Retries per window: a share of its calls, as in Finagle and Envoy, and a few for targets that are seldom asked. */
const retryShare = 0.2;
const freeRetries = 10;

const firstWaitMs = 250;
const longestWaitMs = 5_000;
/** A target that wants to be left alone for longer is not waited for. */
export const longestRetryAfterMs = 10_000;

const go: Entry = { kind: "go" };
const probe: Entry = { kind: "probe" };

export class TargetHealth {
  readonly #options: TargetHealthOptions;
  readonly #recent = new RecentTries();
  #state: CircuitState = "closed";
  #openMs = firstOpenMs;
  #openUntil = 0;
  /** When the probe that is under way began, or null. */
  #probing: number | null = null;

  constructor(options: TargetHealthOptions) {
    this.#options = options;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Whether it may be asked now. Whoever is let in says by `left` what became of it. */
  enter(kind: "first" | "retry"): Entry {
    const now = this.#options.now();
    if (this.#state === "closed") {
      this.#recent.began(now, kind);
      return go;
    }
    if (this.#state === "open" && now < this.#openUntil) {
      return { kind: "open", retryAfterMs: this.#openUntil - now };
    }
    if (this.#probing !== null && now < this.#probing + probeMs) {
      return { kind: "open", retryAfterMs: firstOpenMs };
    }
    this.#probing = now;
    this.#change("half_open");
    return probe;
  }

  left(entry: Exclude<Entry["kind"], "open">, outcome: TryOutcome): void {
    const now = this.#options.now();
    if (entry === "probe") return this.#probed(now, outcome);
    // What began before the circuit opened says nothing new about it.
    if (this.#state !== "closed" || outcome === "unknown") return;
    this.#recent.ended(now, outcome);
    if (outcome === "answered") return;
    const { failed, answered } = this.#recent.counts(now);
    if (failed >= openingFailures && failed >= answered) this.#open(now);
  }

  /**
   * How long to wait before asking once more, after `retries` retries of the same call; null when it should not be asked.
   * Full jitter: callers that failed together do not come back together.
   */
  retryWaitMs(retries: number, retryAfterMs: number | null): number | null {
    const { random } = this.#options;
    if (retryAfterMs !== null && retryAfterMs > longestRetryAfterMs) return null;
    const { firsts, retries: recent } = this.#recent.counts(this.#options.now());
    if (recent >= freeRetries + retryShare * firsts) return null;
    const wait = random() * Math.min(longestWaitMs, firstWaitMs * 2 ** retries);
    return retryAfterMs === null ? wait : retryAfterMs + wait;
  }

  #probed(now: number, outcome: TryOutcome): void {
    this.#probing = null;
    if (this.#state !== "half_open") return;
    if (outcome === "failed") {
      this.#openMs = Math.min(longestOpenMs, this.#openMs * 2);
      this.#open(now);
    } else if (outcome === "answered") {
      this.#openMs = firstOpenMs;
      this.#recent.forget();
      this.#change("closed");
    }
  }

  #open(now: number): void {
    this.#openUntil = now + this.#openMs;
    this.#change("open");
  }

  #change(state: CircuitState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onChange(state);
  }
}
