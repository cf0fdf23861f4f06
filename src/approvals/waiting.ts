// Who waits for a hold to be settled. A waiter changes nothing: that it gives up, leaves or is shut down says nothing of the
// approval.

import { current, type Hold, isSettled } from "./approval.ts";

export type WaitEnd =
  /** All is decided. */
  | "settled"
  /** The waiter's time is over. */
  | "time"
  /** The waiter is gone. */
  | "aborted"
  /** The gateway shuts down. */
  | "drain"
  /** The gateway needs its connection for another. */
  | "overload";

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** Milliseconds that this wait may take. */
  readonly ms: number;
  /** Whether it can be told to come back: asked when the gateway has too many connections. */
  readonly canComeBack?: () => boolean;
}

interface Waiter {
  readonly ring: () => void;
  readonly canComeBack: () => boolean;
  /** Its connection is needed for another. */
  unwanted: boolean;
}

export interface WaitingParts {
  readonly read: (id: string) => Promise<Hold | null>;
  /** Ends what is due of a hold. */
  readonly expire: (hold: Hold) => Promise<void>;
  readonly now: () => Promise<number>;
}

export class Waiting {
  readonly #parts: WaitingParts;
  readonly #wakers = new Map<string, Set<() => void>>();
  /** The one that has waited for longest first. */
  readonly #waiters = new Set<Waiter>();
  #draining = false;

  constructor(parts: WaitingParts) {
    this.#parts = parts;
  }

  /** How many wait. */
  get count(): number {
    return this.#waiters.size;
  }

  /** Whether somebody here waits for this hold. */
  isAttended(id: string): boolean {
    return this.#wakers.has(id);
  }

  /** Something may have happened to this hold; without an id, to any. */
  wake(id?: string): void {
    const woken = id === undefined ? [...this.#wakers.values()] : [this.#wakers.get(id) ?? new Set()];
    for (const wakers of woken) for (const waker of [...wakers]) waker();
  }

  drain(): void {
    this.#draining = true;
    this.wake();
  }

  /** Sends whoever has waited for longest of those who can come back. */
  yieldOne(): void {
    for (const waiter of this.#waiters) {
      if (waiter.unwanted || !waiter.canComeBack()) continue;
      waiter.unwanted = true;
      return waiter.ring();
    }
  }

  /** Resolves when one of them is so, the first of `WaitEnd` in its order. Rejects when the store cannot be read. */
  async wait(id: string, { signal, ms, canComeBack = () => false }: WaitOptions): Promise<WaitEnd> {
    const until = performance.now() + ms;
    const bell = new Bell();
    const wakers = this.#wakers.get(id) ?? new Set();
    this.#wakers.set(id, wakers);
    wakers.add(bell.ring);
    const waiter: Waiter = { ring: bell.ring, canComeBack, unwanted: false };
    this.#waiters.add(waiter);
    signal.addEventListener("abort", bell.ring, { once: true });
    try {
      for (;;) {
        const hold = await this.#parts.read(id);
        // What cannot be read is found out by the release, which says so.
        if (hold === null || isSettled(hold)) return "settled";
        if (signal.aborted) return "aborted";
        const dueIn = nextExpiry(hold) - (await this.#parts.now());
        if (dueIn <= 0) {
          // Nobody is told that something waits whose time is over.
          await this.#parts.expire(hold);
          continue;
        }
        if (this.#draining) return "drain";
        if (waiter.unwanted && canComeBack()) return "overload";
        waiter.unwanted = false;
        const left = until - performance.now();
        if (left <= 0) return "time";
        await bell.rung(Math.min(left, dueIn));
      }
    } finally {
      signal.removeEventListener("abort", bell.ring);
      this.#waiters.delete(waiter);
      wakers.delete(bell.ring);
      if (wakers.size === 0) this.#wakers.delete(id);
    }
  }
}

function nextExpiry(hold: Hold): number {
  const pending = current(hold).filter(({ state }) => state === "pending");
  return Math.min(...pending.map((approval) => approval.expires_at));
}

/** Remembers that it rang while nobody listened, so that nothing is missed between two looks. */
class Bell {
  #hasRung = false;
  #listener: (() => void) | null = null;

  readonly ring = (): void => {
    this.#hasRung = true;
    this.#listener?.();
  };

  /** Resolves at once if it has rung since the last time, else when it rings or after `ms`. */
  async rung(ms: number): Promise<void> {
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
        this.#listener = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#listener = null;
    }
    this.#hasRung = false;
  }
}
