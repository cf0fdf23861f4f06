// Completes the hashes of full tiles that a log has from before they were kept. Nothing else is computed from them than
// what is served and proved, so what is missing may be made good; what is there and differs may not.

import { setImmediate as nextTurn } from "node:timers/promises";
import { equalHashes, type LogHead, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { headFrom } from "portcullis-verify/log/tile-subtrees.ts";
import { hashesAt, type TileHash } from "portcullis-verify/log/tiles.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { LogStore } from "./log-store.ts";
import { subtreesOf, tileHash } from "./stored-tree.ts";

/** Of so many tiles altogether. Called once before the first, and then each time some of them are kept. */
export type FillProgress = (done: number, total: number) => void;

/** As many as are kept in one transaction; those of the lowest level are of 256 entries each. */
const batch = 64;

/**
 * Computes and keeps what is missing of a log that has this head. What was kept of it when it is killed stays, and the next
 * start goes on from there. Throws `OperatorError` when what is stored is not of this log.
 */
export async function fillTileHashes(
  store: LogStore,
  head: LogHead,
  onProgress: FillProgress,
): Promise<void> {
  await refuseStray(store, head.size);
  const missing = await missingPerLevel(store, head.size);
  const total = missing.reduce((sum, count) => sum + count, 0);
  if (total === 0) return;
  let done = 0;
  onProgress(done, total);
  for (const [below, count] of missing.entries()) {
    if (count === 0) continue;
    for await (const kept of fillLevel(store, below + 1, hashesAt(below + 1, head.size))) {
      done += kept;
      onProgress(done, total);
    }
  }
  await matchHead(store, head);
}

/** From level 1 on. */
async function missingPerLevel(store: LogStore, size: number): Promise<readonly number[]> {
  const missing: number[] = [];
  for (let level = 1; hashesAt(level, size) > 0; level += 1) {
    const expected = hashesAt(level, size);
    missing.push(expected - (await store.countTileHashes(level, expected)));
  }
  return missing;
}

/** Yields how many it has kept at a time. */
async function* fillLevel(store: LogStore, level: number, end: number): AsyncGenerator<number> {
  let computed: TileHash[] = [];
  for await (const index of missingIn(store, level, end)) {
    computed.push({ level, index, hash: await tileHash(store, level, index) });
    await nextTurn();
    if (computed.length < batch) continue;
    await store.putTileHashes(computed);
    yield computed.length;
    computed = [];
  }
  if (computed.length === 0) return;
  await store.putTileHashes(computed);
  yield computed.length;
}

async function* missingIn(store: LogStore, level: number, end: number): AsyncGenerator<number> {
  let next = 0;
  while (next < end) {
    const kept = await store.tileHashes(level, next, end);
    for (const { index } of kept) {
      for (; next < index; next += 1) yield next;
      next = index + 1;
    }
    if (kept.length > 0) continue;
    for (; next < end; next += 1) yield next;
  }
}

/** Hashes of tiles that are not full would hinder the entry that fills them. */
async function refuseStray(store: LogStore, size: number): Promise<void> {
  const highest = Math.ceil(Math.log2(Number.MAX_SAFE_INTEGER) / 8);
  for (let level = 1; level <= highest; level += 1) {
    const [stray] = await store.tileHashes(level, hashesAt(level, size), Number.MAX_SAFE_INTEGER);
    // Where others write too, its tile may have been filled meanwhile.
    if (stray === undefined || stray.index < hashesAt(level, (await store.head()).size)) continue;
    throw new OperatorError(
      `the data store has a hash of its tree (level ${level}, index ${stray.index}) beyond the head of its log, which has ${size} entries; ${investigate}`,
    );
  }
}

async function matchHead(store: LogStore, head: LogHead): Promise<void> {
  const found = await headFrom(head.size, subtreesOf(store, head.size));
  if (equalHashes(rootOf(found), rootOf(head))) return;
  throw new OperatorError(`the entries in the data store do not hash to its head; ${investigate}`);
}

const investigate =
  "keep a copy for investigation, run `portcullis audit verify` on it and restore the data store";
