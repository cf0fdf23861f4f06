// Subtrees of a tree that is there as tiles (c2sp.org/tlog-tiles): what proofs are made of, whoever has the tiles.

import type { SubtreeReader } from "./merkle-proofs.ts";
import type { LogHead } from "./merkle-tree.ts";
import { foldHashes, type TilePlace, tileHeight, tileWidth, widthIn } from "./tiles.ts";

/** The hashes of a tile, as many as its width says. */
export type TileReader = (place: TilePlace & { readonly level: number }) => Promise<readonly Uint8Array[]>;

/** Of the tree of the first `size` entries. Remembers the tiles that it has read, so it is for one proof or a few of them. */
export function tileSubtrees(readTile: TileReader, size: number): SubtreeReader {
  const tiles = new Map<string, Promise<readonly Uint8Array[]>>();
  const hashesIn = (level: number, index: number): Promise<readonly Uint8Array[]> => {
    const key = `${level}/${index}`;
    const read = tiles.get(key) ?? readTile({ level, index, width: widthIn(size, { level, index }) });
    tiles.set(key, read);
    return read;
  };
  return async (height, index) => {
    const level = Math.floor(height / tileHeight);
    const width = 2 ** (height % tileHeight);
    const first = index * width;
    const hashes = await hashesIn(level, Math.floor(first / tileWidth));
    const own = hashes.slice(first % tileWidth, (first % tileWidth) + width);
    if (own.length !== width) throw new RangeError(`no such subtree in a tree of size ${size}`);
    return foldHashes(own);
  };
}

/** The right edge of the tree of the first `size` entries. */
export async function headFrom(size: number, read: SubtreeReader): Promise<LogHead> {
  const frontier: Uint8Array[] = [];
  let height = 0;
  while (2 ** (height + 1) <= size) height += 1;
  for (let start = 0; start < size; height -= 1) {
    if (start + 2 ** height > size) continue;
    frontier.push(await read(height, start / 2 ** height));
    start += 2 ** height;
  }
  return { size, frontier };
}
