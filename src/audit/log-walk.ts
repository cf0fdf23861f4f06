// Reads the log in order, and grows a tree by what it reads.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { appendLeafHashes, leafHash } from "portcullis-verify/log/merkle-tree.ts";
import type { LogStore, StoredEntry } from "./log-store.ts";

export type EntryReader = Pick<LogStore, "read">;

/** Entries are missing, from this index on. */
export class LogGapError extends Error {
  override readonly name = "LogGapError";
  readonly index: number;

  constructor(index: number) {
    super(`the log has no entry ${index}; run \`portcullis audit verify\``);
    this.index = index;
  }
}

/** A few milliseconds of work, after which calls get their turn. */
const batch = 500;

/** Entries `from` ≤ index < `to`, in batches that follow each other without a gap. Throws `LogGapError`. */
export async function* entriesOf(
  store: EntryReader,
  from: number,
  to: number,
): AsyncGenerator<readonly StoredEntry[]> {
  for (let next = from; next < to; ) {
    const entries = await store.read(next, Math.min(to, next + batch));
    const gap = entries.findIndex((entry, at) => entry.index !== next + at);
    if (entries.length === 0 || gap >= 0) throw new LogGapError(next + Math.max(0, gap));
    yield entries;
    next += entries.length;
    if (next < to) await nextTurn();
  }
}

/** The head of the first `size` entries, given that of a first part of them. Throws `LogGapError`. */
export async function grownHead(store: EntryReader, part: LogHead, size: number): Promise<LogHead> {
  let head = part;
  for await (const entries of entriesOf(store, part.size, size)) {
    head = appendLeafHashes(
      head,
      entries.map((entry) => leafHash(entry.leaf)),
    );
  }
  return head;
}
