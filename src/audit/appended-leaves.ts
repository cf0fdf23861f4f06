// The leaves that this process appended since the last checkpoint. The publisher hashes these and not what the store has
// by then: what is signed is what was appended, and it need not be read again.

import type { EncodedEntry } from "../core/entry.ts";
import type { StoredEntry } from "./log-store.ts";
import type { EntryReader } from "./log-walk.ts";

/** More than are appended in a second; what is beyond is read from the store. */
const maxBytes = 32 * 1024 * 1024;

export class AppendedLeaves implements EntryReader {
  readonly #store: EntryReader;
  readonly #leaves = new Map<number, Uint8Array>();
  #bytes = 0;

  /** `store` has the entries that others appended, and those that are too many to be kept. */
  constructor(store: EntryReader) {
    this.#store = store;
  }

  /** They are durable, next to each other from this index on. They must not be changed afterwards. */
  add(firstIndex: number, entries: readonly EncodedEntry[]): void {
    for (const [at, { leaf }] of entries.entries()) {
      if (this.#bytes + leaf.length > maxBytes) return;
      this.#leaves.set(firstIndex + at, leaf);
      this.#bytes += leaf.length;
    }
  }

  /** Those at hand as far as they go without a gap, else what the store has up to the next that is at hand. */
  async read(from: number, to: number): Promise<readonly StoredEntry[]> {
    const entries: StoredEntry[] = [];
    for (let index = from; index < to; index += 1) {
      const leaf = this.#leaves.get(index);
      if (leaf === undefined) break;
      entries.push({ index, leaf });
    }
    return entries.length > 0 ? entries : this.#store.read(from, this.#nextAtHand(from, to));
  }

  forgetBelow(index: number): void {
    for (const [at, leaf] of this.#leaves) {
      if (at >= index) continue;
      this.#leaves.delete(at);
      this.#bytes -= leaf.length;
    }
  }

  #nextAtHand(from: number, to: number): number {
    let end = from + 1;
    while (end < to && !this.#leaves.has(end)) end += 1;
    return end;
  }
}
