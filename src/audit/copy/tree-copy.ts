// One run through the entries that a copy does not have yet: their bundles, and the tiles over them.

import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import type { Checkpoint } from "portcullis-verify/log/checkpoint.ts";
import { equalHashes, leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { type TilePlace, tileWidth, widthIn } from "portcullis-verify/log/tiles.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { CopyFolder } from "./copy-folder.ts";
import type { CopyRefusal } from "./copy-refusal.ts";
import type { CopySource } from "./copy-source.ts";
import { FewWrites } from "./few-writes.ts";
import type { FilledTile, GrowingTiles } from "./growing-tiles.ts";

export interface TreeCopyOptions {
  readonly source: CopySource;
  readonly to: CopyFolder;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Bundles that are read at a time. */
const ahead = 8;

export class TreeCopy {
  readonly #options: TreeCopyOptions;
  readonly #checkpoint: Checkpoint;
  readonly #tiles: GrowingTiles;
  readonly #copied: number;
  readonly #reuse: boolean;
  readonly #revisions = new Set<string>();
  readonly #writes = new FewWrites();
  #reused = false;

  constructor(options: TreeCopyOptions, checkpoint: Checkpoint, tiles: GrowingTiles, reuse: boolean) {
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#tiles = tiles;
    this.#copied = tiles.size;
    this.#reuse = reuse;
  }

  /** Whether it went by what was in the folder beyond its checkpoint. */
  get reused(): boolean {
    return this.#reused;
  }

  /** All files of the tree are on disk then, and are those of the checkpoint. Nothing is written any more, however it ends. */
  async copy(): Promise<Result<ReadonlySet<string>, CopyRefusal>> {
    try {
      return await this.#copy();
    } finally {
      await this.#writes.settled();
    }
  }

  async #copy(): Promise<Result<ReadonlySet<string>, CopyRefusal>> {
    const { size, root } = this.#checkpoint;
    const copied = this.#copied;
    if (copied < size) this.#options.onProgress?.(0, size - copied);
    for await (const bundle of this.#bundles()) {
      const { place, leaves } = bundle;
      const start = place.index * tileWidth;
      if (leaves.length < place.width)
        return fail({ reason: "entries_missing", entry: start + leaves.length, size });
      const known = Math.max(0, copied - start);
      if (!this.#continues(leaves.slice(0, known))) return fail({ reason: "other_tree", copied, size });
      for (const leaf of leaves.slice(known)) await this.#add(leaf);
      if (!bundle.isThere) await this.#writes.add(this.#options.to.putLeaves(place, leaves));
      this.#options.onProgress?.(this.#tiles.size - copied, size - copied);
    }
    for (const tile of this.#tiles.edge()) await this.#writeTile(tile);
    await this.#writes.done();
    const isSame = equalHashes(rootOf(await this.#tiles.head()), root);
    return isSame ? ok(this.#revisions) : fail({ reason: "other_tree", copied, size });
  }

  /** Whether these are the entries that the copy ended with. */
  #continues(leaves: readonly Uint8Array[]): boolean {
    const [edge] = this.#tiles.edge();
    return leaves.every((leaf, at) => {
      const expected = edge?.place.level === 0 ? edge.hashes[at] : undefined;
      return expected !== undefined && equalHashes(leafHash(leaf), expected);
    });
  }

  async #add(leaf: Uint8Array): Promise<void> {
    const revision = revisionIn(leaf);
    if (revision !== null) this.#revisions.add(revision);
    for (const tile of this.#tiles.add(leafHash(leaf))) await this.#writeTile(tile);
  }

  /** A tile that is there as it should be is left alone. */
  async #writeTile({ place, hashes }: FilledTile): Promise<void> {
    const { to } = this.#options;
    const there = await to.hashes(place);
    if (there !== null && Buffer.compare(Buffer.concat(there), Buffer.concat(hashes)) === 0) return;
    await this.#writes.add(to.putHashes(place, hashes));
  }

  /** In order, from the one on that the copy had a part of, a few read ahead of time. */
  async *#bundles(): AsyncGenerator<Bundle> {
    const { size } = this.#checkpoint;
    if (this.#copied === size) return;
    const reading: Promise<Bundle>[] = [];
    let next = Math.floor(this.#copied / tileWidth);
    for (;;) {
      for (; reading.length < ahead && next * tileWidth < size; next += 1) {
        const width = widthIn(size, { level: "entries", index: next });
        const bundle = this.#bundle({ level: "entries", index: next, width });
        // Whoever waits for it is told; nobody may, when an earlier one ends it.
        bundle.catch(() => {});
        reading.push(bundle);
      }
      const first = reading.shift();
      if (first === undefined) return;
      yield await first;
    }
  }

  async #bundle(place: TilePlace): Promise<Bundle> {
    const { source, to } = this.#options;
    const there = this.#reuse ? await to.leaves(place) : null;
    if (there === null)
      return { place, leaves: await source.leaves(place.index, place.width), isThere: false };
    this.#reused = true;
    return { place, leaves: there, isThere: true };
  }
}

interface Bundle {
  readonly place: TilePlace;
  readonly leaves: readonly Uint8Array[];
  /** Whether it is in the folder already. */
  readonly isThere: boolean;
}

const activated = Buffer.from('"type":"policy.activated"');

/** Of the policies that an entry puts in force. Every decision names one that was. */
function revisionIn(leaf: Uint8Array): string | null {
  // Most entries are others, and reading each costs more than hashing it.
  if (!Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).includes(activated)) return null;
  const parsed = parseLeaf(leaf);
  return parsed.ok && parsed.value.type === "policy.activated" ? parsed.value.revision : null;
}
