// Taking over a log: nothing is written to a data store that is of another log, or older than or different from what
// was signed before.

import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { checkpointFailureText, openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { equalHashes, isWellFormedHead, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import type { NoteSigner } from "portcullis-verify/log/signed-note.ts";
import { readTextFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import { type Anchor, checkLog, damagedHead, frontierHasRoot } from "./log-check.ts";
import type { LogStore, StoredCheckpoint } from "./log-store.ts";
import { entriesOf } from "./log-walk.ts";
import { type FillProgress, fillTileHashes } from "./tile-hash-filling.ts";
import type { Witnessing } from "./witnessing/witnessing.ts";

export interface TakenOverLog {
  readonly epoch: number;
  readonly head: LogHead;
  readonly checkpoint: StoredCheckpoint | null;
  /** Where recovery has to look from. */
  readonly openFrom: number;
  /** Milliseconds since the epoch of the newest stamp, 0 for an empty log. */
  readonly lastTime: number;
  /** Entries among those that were read that are no leaves, with why. */
  readonly unreadable: readonly { readonly index: number; readonly why: string }[];
  /** What vouched for the log from outside the data store: nothing can yet at a first start, and later only if accepted. */
  readonly outsideHead: "matched" | "missing" | "accepted";
}

export interface LogPlace {
  readonly store: LogStore;
  readonly signer: NoteSigner;
  /** File, outside the data store, that holds the last signed checkpoint. */
  readonly headFile: string;
  readonly instance: string;
  /** Who cosigns what is signed, where that is asked of anybody. */
  readonly witnesses?: Witnessing | null;
  /** The head that an operator knowingly goes on from without that file, as the refusal named it. */
  readonly acceptedHead?: string | null;
  /** Told of hashes of the tree that are computed because a log from before does not have them. */
  readonly onFill?: FillProgress;
}

/** The variable in which an operator says which log to go on from without a head outside. */
export const acceptHeadVariable = "PORTCULLIS_ACCEPT_HEAD";

/** Newest entries that are read for their times. */
const newestEntries = 1_000;

/** Throws `OperatorError` when the store must not be continued. */
export async function takeOverLog(place: LogPlace): Promise<TakenOverLog> {
  const { store, signer: verifier } = place;
  const outside = await outsideAnchor(place);
  await matchIdentity(place, outside);
  const outsideHead = outside === null ? await withoutOutsideHead(place) : "matched";
  const epoch = await store.takeOver(place.instance);
  // Before the head is read: where others write too, both only ever grow.
  const checkpoint = await storedCheckpoint(place);
  // From here on no earlier writer can append, so without others the head stands still while it is checked.
  const head = await store.head();
  const openFrom = believable(await store.openFrom(), head.size);
  const newest = Math.max(0, head.size - newestEntries);
  const anchors = [outside, checkpointAnchor(checkpoint)].filter((anchor) => anchor !== null);
  await checkLog({ store, verifier, head, anchors, readFrom: Math.min(openFrom, newest) });
  await fillTileHashes(store, head, place.onFill ?? (() => {}));
  await place.witnesses?.begin(place.signer, checkpoint);
  const { lastTime, unreadable } = await readNewest(store, newest, head.size);
  return { epoch, head, checkpoint, openFrom, lastTime, unreadable, outsideHead };
}

async function outsideAnchor({ headFile, signer }: LogPlace): Promise<Anchor | null> {
  const note = await readNote(headFile);
  if (note === null) return null;
  const opened = openCheckpoint(note, signer);
  if (!opened.ok) {
    throw new OperatorError(
      `\`${headFile}\` is not the head of this log: ${checkpointFailureText(opened.failure)}; restore it together with the log key`,
    );
  }
  return { what: `\`${headFile}\``, size: opened.value.size, root: opened.value.root };
}

async function readNote(headFile: string): Promise<string | null> {
  try {
    return await readTextFile(headFile);
  } catch (error) {
    throw new OperatorError(`\`${headFile}\` cannot be read: ${String(error)}`);
  }
}

async function matchIdentity({ store, signer }: LogPlace, outside: Anchor | null): Promise<void> {
  const identity = await store.identity();
  if (identity === null) {
    if (outside !== null) {
      throw new OperatorError(
        `the data store holds no log, but ${outside.what} says that it had ${outside.size} entries; restore the data store`,
      );
    }
    const { size } = await store.head();
    if (size > 0) {
      throw new OperatorError(
        `the data store has ${size} entries and no longer says of which log; restore the data store`,
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

/**
 * The head outside is written before the checkpoint in the store, and both before anything but openings is recorded. So no
 * crash leaves a log in use without it: the file was lost, or removed so that an older copy of the data store passes.
 */
async function withoutOutsideHead({
  store,
  headFile,
  acceptedHead,
}: LogPlace): Promise<"missing" | "accepted"> {
  const head = await store.head();
  if (!isWellFormedHead(head)) throw damagedHead();
  if ((await store.latestCheckpoint()) === null && (await hasOnlyOpenings(store, head.size)))
    return "missing";
  const name = `${head.size}-${Buffer.from(rootOf(head)).toString("hex", 0, 8)}`;
  if (acceptedHead === name) return "accepted";
  throw new OperatorError(
    `\`${headFile}\` is missing, and without it nothing tells this data store (${head.size} entries) from an older copy of it. Put the file back; the newest checkpoint that anybody kept or pinned for \`audit verify\` does as well. To go on without it all the same, start once with ${acceptHeadVariable}=${name}`,
  );
}

const openings: readonly string[] = ["log.created", "log.opened", "log.joined"];

async function hasOnlyOpenings(store: LogStore, size: number): Promise<boolean> {
  const entries = await store.read(0, Math.min(size, newestEntries));
  return (
    entries.length === size &&
    entries.every(({ leaf }) => {
      const parsed = parseLeaf(leaf);
      return parsed.ok && openings.includes(parsed.value.type);
    })
  );
}

/** The latest in the store, signed by our key. Throws `OperatorError` when it is not. */
export async function storedCheckpoint({
  store,
  signer,
}: Pick<LogPlace, "store" | "signer">): Promise<StoredCheckpoint | null> {
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

/** Recovery that began beyond the log would find nothing to complete. No crash leaves such a number. */
function believable(openFrom: number, size: number): number {
  return openFrom >= 0 && openFrom <= size ? openFrom : 0;
}

/**
 * The latest of the newest entries' times: the last entry itself may have been recorded late. An entry that is no leaf is
 * sealed as it is; verification names it, and it does not stand in the way of new ones.
 */
async function readNewest(
  store: LogStore,
  from: number,
  size: number,
): Promise<Pick<TakenOverLog, "lastTime" | "unreadable">> {
  let lastTime = 0;
  const unreadable: { readonly index: number; readonly why: string }[] = [];
  for await (const entries of entriesOf(store, from, size)) {
    for (const { index, leaf } of entries) {
      const parsed = parseLeaf(leaf);
      if (!parsed.ok) {
        unreadable.push({ index, why: parsed.failure });
        continue;
      }
      const time = Date.parse(parsed.value.time);
      lastTime = parsed.value.type === "log.clock_reset" ? time : Math.max(lastTime, time);
    }
  }
  return { lastTime, unreadable };
}
