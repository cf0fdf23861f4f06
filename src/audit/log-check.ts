// Checks a log that is taken over: its entries must hash to every tree that something vouches for.

import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { emptyHead, equalHashes, isWellFormedHead, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import type { NoteVerifier } from "portcullis-verify/log/signed-note.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { LogStore, StoredCheckpoint } from "./log-store.ts";
import { grownHead, LogGapError } from "./log-walk.ts";

/** A tree that must be a prefix of the log: what vouches for it, its size and its root. */
export interface Anchor {
  readonly what: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export interface CheckedLog {
  readonly store: LogStore;
  readonly verifier: NoteVerifier;
  readonly head: LogHead;
  readonly anchors: readonly Anchor[];
  /** Entries from here on are going to be read, so they are hashed too. */
  readonly readFrom: number;
}

/**
 * Re-hashes the log from a kept checkpoint, at or below the earliest anchor and all that is going to be read, to its
 * head: the anchors and the stored head must lie on the way. What lies below is for `audit verify`. Throws `OperatorError`.
 */
export async function checkLog(log: CheckedLog): Promise<void> {
  const { store, head } = log;
  if (!isWellFormedHead(head)) throw damagedHead();
  const stored: Anchor = { what: "the stored head", size: head.size, root: rootOf(head) };
  const anchors = [...log.anchors, stored].sort((one, other) => one.size - other.size);
  for (const anchor of anchors) if (anchor.size > head.size) throw olderThan(anchor, head.size);
  const [stray] = await store.read(head.size, Number.MAX_SAFE_INTEGER);
  // Where others write too, it may have come under the head meanwhile.
  if (stray !== undefined && stray.index >= (await store.head()).size) {
    throw new OperatorError(
      `the data store has an entry ${stray.index} beyond the head of its log, which has ${head.size} entries; ${investigate}`,
    );
  }
  let walked = await startingHead(log, Math.min(log.readFrom, anchors[0]?.size ?? 0));
  for (const anchor of anchors) {
    walked = await walk(store, walked, anchor.size);
    if (!equalHashes(rootOf(walked), anchor.root)) {
      throw new OperatorError(
        `the entries in the data store differ from ${anchor.what} at size ${anchor.size}; ${investigate}`,
      );
    }
  }
}

export function damagedHead(): OperatorError {
  return new OperatorError("the head in the data store is damaged; restore the data store");
}

export function frontierHasRoot(head: LogHead, root: Uint8Array): boolean {
  return isWellFormedHead(head) && equalHashes(rootOf(head), root);
}

const investigate =
  "keep a copy for investigation, run `portcullis audit verify` on it and restore the data store";

/**
 * The largest head at or below `size` that our key signed: its frontier spares hashing everything below, and is good for
 * that because its root is the one that was signed.
 */
async function startingHead({ store, verifier }: CheckedLog, size: number): Promise<LogHead> {
  for (let below = size; below > 0; ) {
    const kept = await store.checkpointAtOrBelow(below);
    if (kept === null) return emptyHead;
    if (isSigned(kept, verifier)) return { size: kept.size, frontier: kept.frontier };
    below = kept.size - 1;
  }
  return emptyHead;
}

function isSigned(kept: StoredCheckpoint, verifier: NoteVerifier): boolean {
  const opened = openCheckpoint(kept.note, verifier);
  return opened.ok && opened.value.size === kept.size && frontierHasRoot(kept, opened.value.root);
}

async function walk(store: LogStore, from: LogHead, to: number): Promise<LogHead> {
  try {
    return await grownHead(store, from, to);
  } catch (error) {
    if (!(error instanceof LogGapError)) throw error;
    throw new OperatorError(
      `entries from ${error.index} on are missing in the data store; restore it and run \`portcullis audit verify\``,
    );
  }
}

function olderThan({ what, size }: Anchor, found: number): OperatorError {
  return new OperatorError(
    `the data store is older than ${what}: it has ${found} entries of ${size}; restore the newest copy of the data store`,
  );
}
