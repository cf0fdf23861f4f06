// A log in tiles (c2sp.org/tlog-tiles), as verification reads it: an exported copy, or what a server gives out. Files are
// fetched a few ahead of where entries are read, so that neither disk nor network is waited for one file at a time.

import { parseCheckpoint } from "../log/checkpoint.ts";
import { hashBytes } from "../log/merkle-tree.ts";
import { parseVerifierKey } from "../log/signed-note.ts";
import { decodeBundle, type TilePlace, tilePath, tileWidth, widthIn } from "../log/tiles.ts";
import type { EntrySource, UnreadableTile } from "./entry-source.ts";
import type { KeptCheckpoint, LogIdentity, StoredEntry } from "./log-contents.ts";
import type { TileFetcher } from "./tile-fetcher.ts";

/** Bundles that are fetched at a time, each with its tile of hashes. */
const ahead = 8;

/** So many missing bundles in a row are the end: a log may claim any number of entries, and have none of them. */
const mostMissing = 1_000;

export function tileSource(fetcher: TileFetcher): EntrySource {
  const files = new TileFiles(fetcher);
  return {
    identity: () => identityOf(fetcher),
    checkpoints: (after) => files.checkpoints(after),
    read: (from, to) => files.read(from, to),
    records: null,
    tiles: { hashes: (place) => files.hashes(place), leftOut: () => files.leftOut() },
  };
}

/** The name of a key is that of its log. */
async function identityOf(fetcher: TileFetcher): Promise<LogIdentity | null> {
  const bytes = await fetcher.fetch("vkey");
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString("utf8");
  const vkey = text.endsWith("\n") ? text.slice(0, -1) : text;
  const key = parseVerifierKey(vkey);
  return { origin: key.ok ? key.value.name : vkey, vkey };
}

class TileFiles {
  readonly #fetcher: TileFetcher;
  /** Under way or not asked for yet, by path. */
  readonly #fetched = new Map<string, Promise<Uint8Array | null>>();
  /** Up to where there are bundles, by the checkpoint. */
  #size = 0;
  /** Bundles below this one were asked for ahead of time. */
  #asked = 0;
  #leftOut: UnreadableTile[] = [];
  /** Bundles that cannot be read, one after the other: the last such stretch. */
  #hole = { first: -1, end: -1 };
  /** The last bundle: a checkpoint may lie in the middle of it, and it is read in two parts then. */
  #kept: { readonly index: number; readonly leaves: readonly Uint8Array[] } | null = null;

  constructor(fetcher: TileFetcher) {
    this.#fetcher = fetcher;
  }

  async checkpoints(after: number): Promise<readonly KeptCheckpoint[]> {
    if (after >= 0) return [];
    const bytes = await this.#fetcher.fetch("checkpoint");
    if (bytes === null) return [];
    // What is no UTF-8 is no note either, and found to be none.
    const note = Buffer.from(bytes).toString("utf8");
    const parsed = parseCheckpoint(note.slice(0, note.lastIndexOf("\n\n") + 1));
    this.#size = parsed.ok ? parsed.value.size : 0;
    return [{ size: this.#size, note }];
  }

  /** The rest of one bundle: the first at or behind `from` that can be read. */
  async read(from: number, to: number): Promise<readonly StoredEntry[]> {
    const first = Math.floor(from / tileWidth);
    const end = Math.min(Math.ceil(to / tileWidth), first + mostMissing);
    const isKnown = first >= this.#hole.first && first < this.#hole.end;
    for (let index = isKnown ? this.#hole.end : first; index < end; index += 1) {
      this.#fetchAhead(index);
      const leaves = await this.#bundle(index);
      if (leaves === null) {
        this.#hole =
          index === this.#hole.end ? { ...this.#hole, end: index + 1 } : { first: index, end: index + 1 };
        continue;
      }
      const start = index * tileWidth;
      const entries = leaves.map((leaf, at) => ({ index: start + at, leaf }));
      return entries.slice(Math.max(0, from - start), to - start);
    }
    return [];
  }

  async hashes(tile: TilePlace & { readonly level: number }): Promise<Uint8Array | null> {
    return this.#take(tile, (whole) => whole.subarray(0, tile.width * hashBytes));
  }

  leftOut(): readonly UnreadableTile[] {
    const leftOut = this.#leftOut;
    this.#leftOut = [];
    return leftOut;
  }

  async #bundle(index: number): Promise<readonly Uint8Array[] | null> {
    if (this.#kept?.index === index) return this.#kept.leaves;
    const level = "entries" as const;
    const width = widthIn(this.#size, { level, index });
    const tile = { level, index, width };
    const bytes = await this.#take(tile, (whole) => firstEntries(whole, width));
    const decoded = bytes === null ? null : decodeBundle(bytes, width);
    if (decoded?.ok === true) {
      this.#kept = { index, leaves: decoded.value };
      return decoded.value;
    }
    this.#leftOut.push({ tile, detail: decoded?.failure ?? null });
    // Nobody is going to compare its hashes.
    this.#fetched.delete(tilePath({ level: 0, index, width }));
    return null;
  }

  /** Of a partial tile that is gone there may be the full one that took its place. */
  async #take(tile: TilePlace, cut: (whole: Uint8Array) => Uint8Array): Promise<Uint8Array | null> {
    const path = tilePath(tile);
    const bytes = await (this.#fetched.get(path) ?? this.#fetcher.fetch(tile));
    this.#fetched.delete(path);
    if (bytes !== null || tile.width === tileWidth) return bytes;
    const whole = await this.#fetcher.fetch({ ...tile, width: tileWidth });
    return whole === null ? null : cut(whole);
  }

  #fetchAhead(from: number): void {
    for (this.#asked = Math.max(this.#asked, from); this.#asked < from + ahead; this.#asked += 1) {
      for (const level of ["entries", 0] as const) {
        const tile = { level, index: this.#asked, width: widthIn(this.#size, { level, index: this.#asked }) };
        if (tile.width === 0) return;
        const fetched = this.#fetcher.fetch(tile);
        // Whoever takes it is told; nobody may, when reading ends before.
        fetched.catch(() => {});
        this.#fetched.set(tilePath(tile), fetched);
      }
    }
  }
}

/** Of a bundle that is cut off within its first entries, all there is. */
function firstEntries(bundle: Uint8Array, count: number): Uint8Array {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  let end = 0;
  for (let entry = 0; entry < count && end + 2 <= bundle.length; entry += 1) end += 2 + view.getUint16(end);
  return bundle.subarray(0, end);
}
