// Taking over a log: nothing is written to a data store that is of another log, or older than or different from what
// was signed before.

import { readTextFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import { checkpointFailureText, openCheckpoint } from "./checkpoint.ts";
import type { LogHead, LogStore, StoredCheckpoint } from "./log-store.ts";
import {
  appendLeafHashes,
  emptyHead,
  equalHashes,
  isWellFormedHead,
  leafHash,
  rootOf,
} from "./merkle-tree.ts";
import { parseLeaf } from "./parse-leaf.ts";
import type { NoteSigner } from "./signed-note.ts";

export interface TakenOverLog {
  readonly epoch: number;
  readonly head: LogHead;
  readonly checkpoint: StoredCheckpoint | null;
  /** Milliseconds since the epoch of the newest stamp, 0 for an empty log. */
  readonly lastTime: number;
  /** `missing` when nothing outside the data store vouched for it: then a restored older copy cannot be told. */
  readonly outsideHead: "matched" | "missing";
}

export interface LogPlace {
  readonly store: LogStore;
  readonly signer: NoteSigner;
  /** File, outside the data store, that holds the last signed checkpoint. */
  readonly headFile: string;
  readonly instance: string;
}

/** A tree that must be a prefix of the log: what vouches for it, its size and its root. */
interface Anchor {
  readonly what: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Throws `OperatorError` when the store must not be continued. */
export async function takeOverLog(place: LogPlace): Promise<TakenOverLog> {
  const outside = await outsideAnchor(place);
  await matchIdentity(place, outside);
  const epoch = await place.store.takeOver(place.instance);
  // From here on no earlier writer can append, so the head stands still while it is checked.
  const head = await place.store.head();
  const checkpoint = await storedCheckpoint(place);
  await checkAnchors(place.store, head, [outside, checkpointAnchor(checkpoint)]);
  const lastTime = await latestTime(place.store, head.size);
  return { epoch, head, checkpoint, lastTime, outsideHead: outside === null ? "missing" : "matched" };
}

async function outsideAnchor({ headFile, signer }: LogPlace): Promise<Anchor | null> {
  const note = await readTextFile(headFile);
  if (note === null) return null;
  const opened = openCheckpoint(note, signer);
  if (!opened.ok) {
    throw new OperatorError(
      `\`${headFile}\` is not the head of this log: ${checkpointFailureText(opened.failure)}; restore it together with the log key`,
    );
  }
  return { what: `\`${headFile}\``, size: opened.value.size, root: opened.value.root };
}

async function matchIdentity({ store, signer }: LogPlace, outside: Anchor | null): Promise<void> {
  const identity = await store.identity();
  if (identity === null) {
    if (outside !== null) {
      throw new OperatorError(
        `the data store holds no log, but ${outside.what} says that it had ${outside.size} entries; restore the data store`,
      );
    }
    await store.create({ origin: signer.name, vkey: signer.vkey });
    return;
  }
  if (identity.origin !== signer.name || identity.vkey !== signer.vkey) {
    throw new OperatorError(
      `the data store holds the log of \`${identity.vkey}\`, and the log key is \`${signer.vkey}\`; restore the key that belongs to it`,
    );
  }
}

async function storedCheckpoint({ store, signer }: LogPlace): Promise<StoredCheckpoint | null> {
  const stored = await store.latestCheckpoint();
  if (stored === null) return null;
  const opened = openCheckpoint(stored.note, signer);
  const why = opened.ok ? null : checkpointFailureText(opened.failure);
  const sameTree =
    opened.ok && opened.value.size === stored.size && equalHashes(opened.value.root, stored.root);
  if (!sameTree || !frontierHasRoot(stored, stored.root)) {
    throw new OperatorError(
      `the last checkpoint in the data store is damaged (${why ?? "it does not match its own frontier"}); restore the data store and run \`portcullis audit verify\``,
    );
  }
  return stored;
}

function checkpointAnchor(checkpoint: StoredCheckpoint | null): Anchor | null {
  if (checkpoint === null) return null;
  return { what: "its last signed checkpoint", size: checkpoint.size, root: checkpoint.root };
}

/** Re-hashes the log from the earliest anchor to its head: both anchors and the stored head must lie on the way. */
async function checkAnchors(
  store: LogStore,
  head: LogHead,
  vouching: readonly (Anchor | null)[],
): Promise<void> {
  if (!isWellFormedHead(head)) {
    throw new OperatorError("the head in the data store is damaged; restore the data store");
  }
  const stored: Anchor = { what: "the stored head", size: head.size, root: rootOf(head) };
  const anchors = [...vouching, stored]
    .filter((anchor) => anchor !== null)
    .sort((one, other) => one.size - other.size);
  let walked = await startingHead(store, anchors[0] ?? stored);
  for (const anchor of anchors) {
    if (anchor.size > head.size) {
      throw new OperatorError(
        `the data store is older than ${anchor.what}: it has ${head.size} entries of ${anchor.size}; restore the newest copy of the data store`,
      );
    }
    walked = await walk(store, walked, anchor.size);
    if (!equalHashes(rootOf(walked), anchor.root)) {
      throw new OperatorError(
        `the entries in the data store differ from ${anchor.what} at size ${anchor.size}; keep a copy for investigation, run \`portcullis audit verify\` on it and restore the data store`,
      );
    }
  }
}

/** A stored frontier spares hashing everything below it, and is good for that only if its root is the anchor's. */
async function startingHead(store: LogStore, anchor: Anchor): Promise<LogHead> {
  const stored = await store.checkpointAt(anchor.size);
  if (stored === null || !frontierHasRoot(stored, anchor.root)) return emptyHead;
  return { size: stored.size, frontier: stored.frontier };
}

function frontierHasRoot(head: LogHead, root: Uint8Array): boolean {
  return isWellFormedHead(head) && equalHashes(rootOf(head), root);
}

const readBatch = 1_000;

async function walk(store: LogStore, from: LogHead, to: number): Promise<LogHead> {
  let head = from;
  while (head.size < to) {
    const entries = await store.read(head.size, Math.min(to, head.size + readBatch));
    const contiguous = entries.length > 0 && entries.every((entry, at) => entry.index === head.size + at);
    if (!contiguous) {
      throw new OperatorError(
        `entries from ${head.size} on are missing in the data store; restore it and run \`portcullis audit verify\``,
      );
    }
    head = appendLeafHashes(
      head,
      entries.map((entry) => leafHash(entry.leaf)),
    );
  }
  return head;
}

/** The latest of the newest entries' times: the last entry itself may have been recorded late. */
async function latestTime(store: LogStore, size: number): Promise<number> {
  let latest = 0;
  for (const { index, leaf } of await store.read(Math.max(0, size - readBatch), size)) {
    const parsed = parseLeaf(leaf);
    if (!parsed.ok) {
      throw new OperatorError(
        `entry ${index} in the data store is no leaf: ${parsed.failure}; run \`portcullis audit verify\``,
      );
    }
    latest = Math.max(latest, Date.parse(parsed.value.time));
  }
  return latest;
}
