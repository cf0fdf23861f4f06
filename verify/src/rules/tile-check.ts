// Holds every tile of hashes against those that the entries have. The tree of the entries is held against the signed
// checkpoint elsewhere (tree-check.ts), so a tile that differs where that holds was changed by itself.

import { hashBytes } from "../log/merkle-tree.ts";
import { type TilePlace, tilePath, tileWidth, widthIn } from "../log/tiles.ts";
import type { TileReader } from "../source/entry-source.ts";
import type { LogFinding } from "./log-finding.ts";

type HashTile = TilePlace & { readonly level: number };

interface Expected {
  readonly tile: HashTile;
  readonly hashes: Uint8Array;
}

export class TileCheck {
  readonly #tiles: TileReader;
  readonly #report: (finding: LogFinding) => void;
  /** The tile of each level that is being filled. */
  readonly #rows: Row[] = [];
  /** Those that are full, and not compared yet. */
  #full: Expected[] = [];
  #checked = 0;

  constructor(tiles: TileReader, report: (finding: LogFinding) => void) {
    this.#tiles = tiles;
    this.#report = report;
  }

  /** Tiles of hashes that are those of the entries. */
  get checked(): number {
    return this.#checked;
  }

  /** Level 0: leaf hashes, each level above: hashes of the full tiles below. */
  add(level: number, index: number, hash: Uint8Array): void {
    const row = this.#rows[level] ?? new Row(level);
    this.#rows[level] = row;
    const full = row.add(index, hash);
    if (full !== null) this.#full.push(full);
  }

  /** To be called between the batches in which entries are read. */
  async compare(): Promise<void> {
    for (const { tile, detail } of this.#tiles.leftOut()) {
      this.#report(
        detail === null
          ? { reason: "tile_missing", tile: tilePath(tile) }
          : { reason: "unreadable_tile", tile: tilePath(tile), detail },
      );
    }
    const full = this.#full;
    this.#full = [];
    for (const expected of full) await this.#compareTile(expected);
  }

  /** `size`: of the log that the tiles are of. */
  async finish(size: number): Promise<void> {
    await this.compare();
    for (const row of this.#rows) {
      const partial = row.partial(size);
      if (partial !== null) await this.#compareTile(partial);
    }
  }

  async #compareTile({ tile, hashes: expected }: Expected): Promise<void> {
    const found = await this.#tiles.hashes(tile);
    const path = tilePath(tile);
    if (found === null) return this.#report({ reason: "tile_missing", tile: path });
    if (Buffer.compare(found, expected) === 0) {
      this.#checked += 1;
      return;
    }
    if (found.length !== expected.length) {
      const detail = `it has ${found.length} bytes, and ${tile.width} hashes have ${expected.length}`;
      return this.#report({ reason: "unreadable_tile", tile: path, detail });
    }
    const at = hashBytes * Math.floor(found.findIndex((byte, place) => byte !== expected[place]) / hashBytes);
    this.#report({
      reason: "tile_mismatch",
      tile: path,
      entry: (tile.index * tileWidth + at / hashBytes) * tileWidth ** tile.level,
      expected: hex(expected.subarray(at, at + hashBytes)),
      found: hex(found.subarray(at, at + hashBytes)),
    });
  }
}

/** One tile of a level at a time. One with a hole, where entries are missing, cannot be compared. */
class Row {
  readonly #level: number;
  readonly #hashes = Buffer.alloc(tileWidth * hashBytes);
  #index = 0;
  #width = 0;

  constructor(level: number) {
    this.#level = level;
  }

  /** The tile, once this fills it. */
  add(index: number, hash: Uint8Array): Expected | null {
    const tile = Math.floor(index / tileWidth);
    const place = index % tileWidth;
    if (tile !== this.#index) this.#width = 0;
    this.#index = tile;
    if (place !== this.#width) return null;
    this.#hashes.set(hash, place * hashBytes);
    this.#width += 1;
    if (this.#width < tileWidth) return null;
    this.#width = 0;
    this.#index += 1;
    return this.#expected(tile, tileWidth);
  }

  /** The last tile, where it is no full one and all of it was added. */
  partial(size: number): Expected | null {
    const width = widthIn(size, { level: this.#level, index: this.#index });
    return width > 0 && width === this.#width ? this.#expected(this.#index, width) : null;
  }

  #expected(index: number, width: number): Expected {
    const hashes = Buffer.from(this.#hashes.subarray(0, width * hashBytes));
    return { tile: { level: this.#level, index, width }, hashes };
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
