// Usage counted from the log, off the hot path: run it twice, kill it, or empty it, and the sums come out the same. The
// position moves in the transaction that adds the sums, so an entry is counted once whatever happens in between.

import { setImmediate as nextTurn } from "node:timers/promises";
import { countedCallOf, incrementOf, mergedIncrements, readCompletedCall } from "./completed-call.ts";
import type { CounterSubject } from "./counter-store.ts";
import type { UsageStore } from "./usage-store.ts";

export interface EntryReader {
  head(): Promise<{ readonly size: number }>;
  /** Entries `from` ≤ index < `to`, in order: all of them, or a first part that is not empty. */
  read(from: number, to: number): Promise<readonly { readonly index: number; readonly leaf: Uint8Array }[]>;
}

/** Whom a call of that application and user (a pseudonym, or null) counts for. */
export type SubjectsOf = (application: string, user: string | null) => readonly CounterSubject[];

/** Entries in one step: a few milliseconds of work, after which calls get their turn. */
const batch = 500;

export class UsageProjection {
  readonly #entries: EntryReader;
  readonly #store: UsageStore;
  readonly #subjectsOf: SubjectsOf;
  /** The last run that was asked for; settles when it is over, and never rejects. */
  #last: Promise<void> = Promise.resolve();
  /** A run that has not begun: whoever asks now shares it. */
  #waiting: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    entries: EntryReader,
    store: UsageStore,
    subjectsOf: SubjectsOf = (name) => [{ kind: "application", name }],
  ) {
    this.#entries = entries;
    this.#store = store;
    this.#subjectsOf = subjectsOf;
  }

  /** Counts at least what the log holds at the time of asking. One run at a time; calls meanwhile share the next. */
  catchUp(): Promise<void> {
    if (this.#waiting !== null) return this.#waiting;
    const run = this.#after(() => {
      this.#waiting = null;
      return this.#count();
    });
    this.#waiting = run;
    return run;
  }

  /** Empties the projection and counts the whole log again. */
  rebuild(): Promise<void> {
    return this.#after(async () => {
      await this.#store.reset();
      await this.#count();
    });
  }

  /** Catches up every `intervalMs` from now on, so that whoever asks for usage finds little left to count. */
  start(intervalMs: number, onFault: (fault: unknown) => void): void {
    this.#timer ??= setInterval(() => {
      // A run that takes longer than the interval is not followed by a queue of others.
      if (this.#waiting === null) this.catchUp().catch(onFault);
    }, intervalMs);
    this.#timer.unref();
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#last;
  }

  #after(run: () => Promise<void>): Promise<void> {
    const done = this.#last.then(run);
    this.#last = done.catch(() => {});
    return done;
  }

  async #count(): Promise<void> {
    const { size } = await this.#entries.head();
    let from = await this.#store.position();
    if (from > size) {
      // The log was restored from an older copy, and what is counted may not be in it.
      await this.#store.reset();
      from = 0;
    }
    while (from < size) {
      from = await this.#step(from, Math.min(size, from + batch));
      await nextTurn();
    }
  }

  /** Counts from `from`; the new position. */
  async #step(from: number, to: number): Promise<number> {
    const entries = await this.#entries.read(from, to);
    const inOrder = entries.every((entry, at) => entry.index === from + at);
    if (entries.length === 0 || !inOrder || entries.length > to - from) {
      throw new Error(`the log did not give its entries from ${from} on; run \`portcullis audit verify\``);
    }
    const ended = entries.flatMap((entry) => readCompletedCall(entry.index, entry.leaf) ?? []);
    const calls = ended.map((call) => countedCallOf(call, this.#subjectsOf(call.application, call.user)));
    const next = from + entries.length;
    if (await this.#store.advance(from, next, mergedIncrements(ended.map(incrementOf)), calls)) return next;
    // Another instance was faster.
    const position = await this.#store.position();
    if (position === from) throw new Error(`the usage projection does not move from ${from}`);
    return position;
  }
}
