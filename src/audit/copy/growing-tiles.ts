// The right edge of a log in tiles: the tile of each level that is being filled. By it tiles are made while entries come by,
// in memory that does not grow with the log.

import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { headFrom, tileSubtrees } from "portcullis-verify/log/tile-subtrees.ts";
import { foldHashes, hashesAt, type TilePlace, tileWidth } from "portcullis-verify/log/tiles.ts";

export interface FilledTile {
  readonly place: TilePlace & { readonly level: number };
  readonly hashes: readonly Uint8Array[];
}

export class GrowingTiles {
  /** By level: the hashes of the tile that is not full. */
  readonly #rows: Uint8Array[][];
  #size: number;

  private constructor(rows: Uint8Array[][], size: number) {
    this.#rows = rows;
    this.#size = size;
  }

  /** Null when a tile that there has to be is not. */
  static async from(
    size: number,
    read: (place: TilePlace) => Promise<readonly Uint8Array[] | null>,
  ): Promise<GrowingTiles | null> {
    const rows: Uint8Array[][] = [];
    for (let level = 0; hashesAt(level, size) > 0; level += 1) {
      const place = edgeAt(level, size);
      const hashes = place.width === 0 ? [] : await read(place);
      if (hashes === null) return null;
      rows.push([...hashes]);
    }
    return new GrowingTiles(rows, size);
  }

  get size(): number {
    return this.#size;
  }

  /** The tiles that it filled, lowest first. */
  add(leafHash: Uint8Array): readonly FilledTile[] {
    const filled: FilledTile[] = [];
    this.#size += 1;
    let hash = leafHash;
    for (let level = 0; ; level += 1) {
      const row = this.#rows[level] ?? [];
      this.#rows[level] = row;
      row.push(hash);
      if (row.length < tileWidth) return filled;
      const index = hashesAt(level, this.#size) / tileWidth - 1;
      filled.push({ place: { level, index, width: tileWidth }, hashes: row });
      this.#rows[level] = [];
      hash = foldHashes(row);
    }
  }

  /** Those that are not full, lowest first, without the empty ones. */
  edge(): readonly FilledTile[] {
    return this.#rows.flatMap((hashes, level) => {
      const place = edgeAt(level, this.#size);
      return hashes.length === 0 ? [] : [{ place, hashes }];
    });
  }

  head(): Promise<LogHead> {
    // A full subtree of the right edge lies within the tile of its level that is not full.
    const read = tileSubtrees(async ({ level }) => this.#rows[level] ?? [], this.#size);
    return headFrom(this.#size, read);
  }
}

/** Of no width where the last tile is full. */
function edgeAt(level: number, size: number): FilledTile["place"] {
  const hashes = hashesAt(level, size);
  return { level, index: Math.floor(hashes / tileWidth), width: hashes % tileWidth };
}
