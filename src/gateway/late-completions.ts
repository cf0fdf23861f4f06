// Completions that the trail could not take when their calls ended. They are tried again until it can; if the process
// dies first, recovery at the next start completes those calls as `unknown`.

import type { EncodedEntry } from "../core/entry.ts";

/** Entries. Beyond this many the oldest calls are left to recovery: memory is bounded, and the trail still gets every call's end. */
const maxWaiting = 10_000;
/** Entries that go in one append, save that those of one call stay together. */
const maxBatch = 1000;
const retryEveryMs = 1000;

export class LateCompletions {
  readonly #append: (entries: readonly EncodedEntry[]) => Promise<unknown>;
  /** By call, oldest first. */
  readonly #waiting: (readonly EncodedEntry[])[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;

  constructor(append: (entries: readonly EncodedEntry[]) => Promise<unknown>) {
    this.#append = append;
  }

  /** Entries that wait. */
  get size(): number {
    return this.#size;
  }

  /** The entries with which one call ends: they are appended together, or left to recovery together. */
  add(entries: readonly EncodedEntry[]): void {
    this.#waiting.push(entries);
    this.#size += entries.length;
    while (this.#size > maxWaiting) this.#takeOldest();
    this.#schedule();
  }

  /** Tries once, now. */
  async flush(): Promise<void> {
    this.#flushing ??= this.#tryAppend().finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  /** One last try of all that waits; what the trail does not take is for recovery. */
  async close(): Promise<void> {
    await this.#flushing;
    for (let before = Number.POSITIVE_INFINITY; this.#size > 0 && this.#size < before; ) {
      before = this.#size;
      await this.flush();
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #tryAppend(): Promise<void> {
    // Taken out first, so that entries added meanwhile cannot be dropped in place of these.
    const batch: (readonly EncodedEntry[])[] = [];
    for (let entries = 0; this.#size > 0 && entries < maxBatch; ) {
      const call = this.#takeOldest();
      batch.push(call);
      entries += call.length;
    }
    if (batch.length === 0) return;
    try {
      await this.#append(batch.flat());
    } catch {
      // Still unavailable: whoever appends next has already been told, and the timer tries again.
      this.#waiting.unshift(...batch);
      for (const call of batch) this.#size += call.length;
    }
    if (this.#size > 0) this.#schedule();
  }

  #takeOldest(): readonly EncodedEntry[] {
    const oldest = this.#waiting.shift() ?? [];
    this.#size -= oldest.length;
    return oldest;
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
