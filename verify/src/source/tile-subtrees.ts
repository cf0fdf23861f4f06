// The hashes of full subtrees, out of the tiles that have them: what proofs are made of (merkle-proofs.ts).

import { GrowingTree } from "../log/growing-tree.ts";
import type { SubtreeReader } from "../log/merkle-proofs.ts";
import { hashBytes } from "../log/merkle-tree.ts";
import { tileHeight, tilePath, tileWidth, widthIn } from "../log/tiles.ts";
import type { TileReader } from "./entry-source.ts";

/** A tile that there has to be is not there, or is none. */
export class UnreadableTileError extends Error {
  override readonly name = "UnreadableTileError";
  readonly tile: string;

  constructor(tile: string) {
    super(`\`${tile}\` is not there, or no tile`);
    this.tile = tile;
  }
}

/** Of a tree of this size. Rejects with `UnreadableTileError`. */
export function tileSubtrees(tiles: TileReader, size: number): SubtreeReader {
  return async (level, index) => {
    const height = level % tileHeight;
    const first = index * 2 ** height;
    const place = { level: Math.floor(level / tileHeight), index: Math.floor(first / tileWidth) };
    const tile = { ...place, width: widthIn(size, place) };
    const bytes = await tiles.hashes(tile);
    const from = (first % tileWidth) * hashBytes;
    const to = from + 2 ** height * hashBytes;
    if (bytes === null || bytes.length < to) throw new UnreadableTileError(tilePath(tile));
    const subtree = new GrowingTree(() => {});
    for (let at = from; at < to; at += hashBytes) subtree.append(bytes.subarray(at, at + hashBytes));
    return subtree.root;
  };
}
