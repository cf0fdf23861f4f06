// Work that may take its time, so that what may not gets its turn: one piece after the other, with pauses as long as the
// work. Whoever asks for more than that is told to come back.

import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/** A timer is too coarse for a pause after each piece. */
const shortestPauseMs = 5;
/** After one slow answer of the database nobody needs to wait for long. */
const longestPauseMs = 50;

export class PacedWork {
  readonly #maxWaiting: number;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  #owedMs = 0;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Null, and nothing is done, when as many wait as may. */
  async run<Value>(work: () => Promise<Value>): Promise<Value | null> {
    if (this.#waiting >= this.#maxWaiting) return null;
    this.#waiting += 1;
    const before = this.#last;
    const paused = Promise.withResolvers<void>();
    this.#last = paused.promise;
    await before;
    this.#waiting -= 1;
    const begun = performance.now();
    try {
      return await work();
    } finally {
      this.#owedMs += performance.now() - begun;
      void this.#pause().then(paused.resolve);
    }
  }

  async #pause(): Promise<void> {
    if (this.#owedMs < shortestPauseMs) {
      await nextTurn();
      return;
    }
    const pause = Math.min(longestPauseMs, this.#owedMs);
    this.#owedMs = 0;
    await delay(pause, undefined, { ref: false });
  }
}
