// How a log is laid out as files (c2sp.org/tlog-tiles): where each tile lies, and what is in a bundle of entries.

import { fail, ok, type Result } from "../result.ts";
import { appendLeafHashes, type LogHead, nodeHash } from "./merkle-tree.ts";

/** Hashes in a full tile, and entries in a full bundle. */
export const tileWidth = 256;

/** Levels of the tree that one tile stands for. */
export const tileHeight = 8;

/** Entries of a log are counted in integers that are exact, so no tile lies higher. */
const maxLevel = 6;

/** One tile of hashes, or with the level `entries` a bundle of what level 0 has the hashes of. */
export interface TilePlace {
  readonly level: number | "entries";
  /** Within its level. */
  readonly index: number;
  /** Hashes or entries in it, 1 to 256. */
  readonly width: number;
}

/** The hash of a full tile, as the tile above has it: of the 256^level entries from `index` · 256^level on. */
export interface TileHash {
  /** Of the tile that has it, so at least 1. */
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** For example `tile/0/x001/x234/067.p/12` or `tile/entries/000`. */
export function tilePath({ level, index, width }: TilePlace): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const parts = padded.match(/.{3}/g) ?? [];
  const last = parts.length - 1;
  const place = parts.map((part, at) => (at === last ? part : `x${part}`)).join("/");
  return `tile/${level}/${place}${width === tileWidth ? "" : `.p/${width}`}`;
}

const form = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** Null unless it is exactly what `tilePath` gives of some tile. */
export function parseTilePath(path: string): TilePlace | null {
  const [, level, place, partial] = form.exec(path) ?? [];
  if (level === undefined || place === undefined) return null;
  const index = Number(place.replaceAll(/[x/]/g, ""));
  const width = partial === undefined ? tileWidth : Number(partial);
  const tile = { level: level === "entries" ? level : Number(level), index, width } as const;
  if (!Number.isSafeInteger(index) || (tile.level !== "entries" && tile.level > maxLevel)) return null;
  // Of each tile there is one path: no leading zeroes, and no partial tile of 256.
  return tilePath(tile) === path ? tile : null;
}

/** How many hashes (or entries) of this tile there are in a tree of this size; 0 when it begins beyond it. */
export function widthIn(size: number, { level, index }: Pick<TilePlace, "level" | "index">): number {
  const ofLevel = hashesAt(level === "entries" ? 0 : level, size);
  return Math.min(tileWidth, Math.max(0, ofLevel - index * tileWidth));
}

/** Every tile of hashes of a tree of this size, with none left out and none that is empty; lower levels first. */
export function* tilesOf(size: number): Generator<TilePlace & { readonly level: number }> {
  for (let level = 0; hashesAt(level, size) > 0; level += 1) {
    for (let index = 0, width = widthIn(size, { level, index }); width > 0; ) {
      yield { level, index, width };
      index += 1;
      width = widthIn(size, { level, index });
    }
  }
}

/** How many hashes a level has in a tree of this size: of its entries, or of the full tiles below. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / tileWidth ** level);
}

/** As `appendLeafHashes`, with the hashes of the tiles that were filled. */
export function appendToTiles(
  head: LogHead,
  leafHashes: Iterable<Uint8Array>,
): { readonly head: LogHead; readonly filled: readonly TileHash[] } {
  const filled: TileHash[] = [];
  const grown = appendLeafHashes(head, leafHashes, (height, index, hash) => {
    if (height % tileHeight === 0) filled.push({ level: height / tileHeight, index, hash });
  });
  return { head: grown, filled };
}

/** The hash of a full subtree, from the hashes of 1, 2, 4, … subtrees of one size that it consists of. */
export function foldHashes(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left === undefined || right === undefined)
        throw new RangeError("no full subtree has so many hashes");
      above.push(nodeHash(left, right));
    }
    row = above;
  }
  const [only] = row;
  if (only === undefined) throw new RangeError("a subtree of no hashes has none itself");
  return only;
}

/** Throws `RangeError` for an entry that no bundle can hold (more than 65,535 bytes). */
export function encodeBundle(leaves: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const leaf of leaves) {
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(leaf.length);
    parts.push(length, leaf);
  }
  return Buffer.concat(parts);
}

/** The entries of a bundle of `width`, or in words why these bytes are no such bundle. They are views of `bytes`. */
export function decodeBundle(bytes: Uint8Array, width: number): Result<readonly Uint8Array[], string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const leaves: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (leaves.length === width) return fail(`more than ${width} entries`);
    if (at + 2 > bytes.length) return fail("it ends within a length");
    const end = at + 2 + view.getUint16(at);
    if (end > bytes.length) return fail(`it ends within its entry ${leaves.length}`);
    leaves.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return leaves.length === width ? ok(leaves) : fail(`${leaves.length} entries where ${width} should be`);
}
