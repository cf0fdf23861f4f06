// How many calls are worked on at once. Decided before a body is read, so that overload costs next to nothing.

import type { Refusal } from "../core/refusal.ts";
import { fail, ok, type Result } from "../core/result.ts";

/** Gives the slot back. Calling it again does nothing. */
export interface Leave {
  (): void;
  /** Others may have the slot while the call waits for people. It is under way all the same: a drain waits for it. */
  rest(): void;
  /** It goes on at once, however many others there are by now. */
  resume(): void;
}

interface Waiter {
  readonly admit: (admitted: Result<Leave, Refusal>) => void;
}

/** How long a client should wait before it tries again; a queue of seconds is gone by then or not at all. */
const retryAfterSeconds = 1;

export class Admission {
  readonly #concurrency: number;
  readonly #queueLimit: number;
  readonly #waiting = new Set<Waiter>();
  readonly #idle = new Set<() => void>();
  #active = 0;
  #resting = 0;
  #draining = false;

  constructor(limits: { readonly concurrency: number; readonly queue: number }) {
    this.#concurrency = limits.concurrency;
    this.#queueLimit = limits.queue;
  }

  get active(): number {
    return this.#active;
  }

  /** Calls that wait for people, without a slot. */
  get resting(): number {
    return this.#resting;
  }

  /** Calls that wait for a slot. */
  get queued(): number {
    return this.#waiting.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** A slot at once, a promise of one while the queue has room, or a refusal. `signal` leaves the queue. */
  enter(signal: AbortSignal | null): Result<Leave, Refusal> | Promise<Result<Leave, Refusal>> {
    if (this.#draining) return fail({ reason: "draining", retryAfterSeconds });
    if (this.#active < this.#concurrency) return ok(this.#takeSlot());
    if (this.#waiting.size >= this.#queueLimit) return fail({ reason: "overloaded", retryAfterSeconds });
    return this.#queue(signal);
  }

  /** Refuses whoever comes from now on and whoever waits; resolves when no call is left. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const waiter of this.#waiting) waiter.admit(fail({ reason: "draining", retryAfterSeconds }));
    this.#waiting.clear();
    if (this.#active + this.#resting === 0) return;
    await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  #queue(signal: AbortSignal | null): Promise<Result<Leave, Refusal>> {
    return new Promise((resolve) => {
      const gone = (): void => {
        this.#waiting.delete(waiter);
        resolve(fail({ reason: "client_closed" }));
      };
      const waiter: Waiter = {
        admit: (admitted) => {
          signal?.removeEventListener("abort", gone);
          resolve(admitted);
        },
      };
      if (signal?.aborted === true) return gone();
      signal?.addEventListener("abort", gone, { once: true });
      this.#waiting.add(waiter);
    });
  }

  #takeSlot(): Leave {
    this.#active += 1;
    let state: "active" | "resting" | "over" = "active";
    const leave = (): void => {
      if (state === "over") return;
      if (state === "active") this.#active -= 1;
      if (state === "resting") this.#resting -= 1;
      state = "over";
      this.#admitNext();
      if (this.#active + this.#resting === 0) this.#tellIdle();
    };
    const rest = (): void => {
      if (state !== "active") return;
      state = "resting";
      this.#active -= 1;
      this.#resting += 1;
      this.#admitNext();
    };
    const resume = (): void => {
      if (state !== "resting") return;
      state = "active";
      this.#active += 1;
      this.#resting -= 1;
    };
    return Object.assign(leave, { rest, resume });
  }

  #admitNext(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#active >= this.#concurrency) return;
    this.#waiting.delete(next);
    next.admit(ok(this.#takeSlot()));
  }

  #tellIdle(): void {
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}
