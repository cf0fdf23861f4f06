// The Merkle tree as verification rebuilds it: one leaf hash after the other, with a root at any size on the way and the
// hashes that tiles hold. The same tree as that of merkle-tree.ts, without a copy of its right edge for each leaf.

import { type LogHead, nodeHash, rootOf } from "./merkle-tree.ts";
import { tileHeight } from "./tiles.ts";

/** Told of the hash of each full tile: hash `index` of the level above it (c2sp.org/tlog-tiles). */
export type OnTileHash = (level: number, index: number, hash: Uint8Array) => void;

export class GrowingTree {
  readonly #onTileHash: OnTileHash;
  /** Of the full subtrees that the size's binary digits name, largest first (RFC 6962 §2.1). */
  readonly #frontier: Uint8Array[] = [];
  #size = 0;

  constructor(onTileHash: OnTileHash) {
    this.#onTileHash = onTileHash;
  }

  get size(): number {
    return this.#size;
  }

  get head(): LogHead {
    return { size: this.#size, frontier: [...this.#frontier] };
  }

  get root(): Uint8Array {
    return rootOf({ size: this.#size, frontier: this.#frontier });
  }

  append(leafHash: Uint8Array): void {
    let subtree = leafHash;
    let height = 0;
    // Each trailing one bit of the size is a full subtree as large as the one in hand: merge them.
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#frontier.pop();
      if (left === undefined) throw new TypeError(`the frontier has too few hashes for size ${this.#size}`);
      subtree = nodeHash(left, subtree);
      height += 1;
      if (height % tileHeight === 0) {
        this.#onTileHash(height / tileHeight, Math.floor(this.#size / 2 ** height), subtree);
      }
    }
    this.#frontier.push(subtree);
    this.#size += 1;
  }
}
