// The tree of the log as the store has it, tile by tile: hashes of the lowest level come from the entries, those above are
// kept. Proofs and served tiles are made of it, for any size that the log ever had.

import type { SubtreeReader } from "portcullis-verify/log/merkle-proofs.ts";
import { leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { tileSubtrees } from "portcullis-verify/log/tile-subtrees.ts";
import { encodeBundle, foldHashes, type TilePlace, tileWidth } from "portcullis-verify/log/tiles.ts";
import type { LogStore } from "./log-store.ts";
import { LogGapError } from "./log-walk.ts";

export type TreeStore = Pick<LogStore, "read" | "tileHashes">;

/**
 * What the tile holds, as it is served: hashes side by side, or entries with their lengths. The log has to have that many.
 * Rejects with `LogGapError` when entries are missing.
 */
export async function tileBytes(store: TreeStore, { level, index, width }: TilePlace): Promise<Buffer> {
  const from = index * tileWidth;
  if (level === "entries") return encodeBundle(await leavesOf(store, from, from + width));
  return Buffer.concat(await hashesOf(store, level, from, from + width));
}

/**
 * The subtrees of the tree of the first `size` entries. Remembers the tiles that it has read, so it is for one proof or a
 * few of them. Rejects with `LogGapError` when entries are missing.
 */
export function subtreesOf(store: TreeStore, size: number): SubtreeReader {
  return tileSubtrees(({ level, index, width }) => {
    const from = index * tileWidth;
    return hashesOf(store, level, from, from + width);
  }, size);
}

/** Hashes of one tile. One that is not kept is computed from what is below: a database from before may be open for reading. */
async function hashesOf(
  store: TreeStore,
  level: number,
  from: number,
  to: number,
): Promise<readonly Uint8Array[]> {
  if (level === 0) return (await leavesOf(store, from, to)).map(leafHash);
  const kept = new Map((await store.tileHashes(level, from, to)).map(({ index, hash }) => [index, hash]));
  const hashes: Uint8Array[] = [];
  for (let index = from; index < to; index += 1)
    hashes.push(kept.get(index) ?? (await tileHash(store, level, index)));
  return hashes;
}

/** Computed from the tile itself. */
export async function tileHash(store: TreeStore, level: number, index: number): Promise<Uint8Array> {
  return foldHashes(await hashesOf(store, level - 1, index * tileWidth, (index + 1) * tileWidth));
}

async function leavesOf(store: TreeStore, from: number, to: number): Promise<readonly Uint8Array[]> {
  const entries = await store.read(from, to);
  const gap = entries.findIndex(({ index }, at) => index !== from + at);
  if (gap >= 0) throw new LogGapError(from + gap);
  if (entries.length < to - from) throw new LogGapError(from + entries.length);
  return entries.map(({ leaf }) => leaf);
}
