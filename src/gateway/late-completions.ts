// Completions that the trail could not take when their calls ended. They are tried again until it can; if the process
// dies first, recovery at the next start completes those calls as `unknown`.

import type { EncodedEntry } from "../core/entry.ts";

/** Beyond this many the oldest are left to recovery: memory is bounded, and the trail still gets every call's end. */
const maxWaiting = 10_000;
const retryEveryMs = 1000;

export class LateCompletions {
  readonly #append: (entries: readonly EncodedEntry[]) => Promise<unknown>;
  readonly #waiting: EncodedEntry[] = [];
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;

  constructor(append: (entries: readonly EncodedEntry[]) => Promise<unknown>) {
    this.#append = append;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(entries: readonly EncodedEntry[]): void {
    this.#waiting.push(...entries);
    if (this.#waiting.length > maxWaiting) this.#waiting.splice(0, this.#waiting.length - maxWaiting);
    this.#schedule();
  }

  /** Tries once, now. */
  async flush(): Promise<void> {
    this.#flushing ??= this.#tryAppend().finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  /** One last try; what is left is for recovery. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #tryAppend(): Promise<void> {
    // Taken out first, so that entries added meanwhile cannot be dropped in place of these.
    const batch = this.#waiting.splice(0, 1000);
    if (batch.length === 0) return;
    try {
      await this.#append(batch);
    } catch {
      // Still unavailable: whoever appends next has already been told, and the timer tries again.
      this.#waiting.unshift(...batch);
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, retryEveryMs);
    this.#timer.unref();
  }
}
