// The Merkle tree of the log: hashing, appending at the right edge, and the root (RFC 6962 §2.1). The gateway's stores
// compute their head with it, and verification computes it again.

import { hash } from "node:crypto";

/** The right edge of the tree: enough to append and to compute the root, O(log n) hashes (RFC 6962 §2.1). */
export interface LogHead {
  readonly size: number;
  /** Hashes of the full subtrees that the size's binary digits name, largest first. */
  readonly frontier: readonly Uint8Array[];
}

export const hashBytes = 32;

export const emptyHead: LogHead = { size: 0, frontier: [] };

const leafPrefix = 0x00;
const nodePrefix = 0x01;

// crypto.hash is synchronous, so one scratch buffer serves every node, and one every leaf of ordinary size.
const node = Buffer.alloc(1 + 2 * hashBytes, nodePrefix);
const ordinary = Buffer.alloc(4096, leafPrefix);

/** SHA-256(0x00 ‖ leaf). */
export function leafHash(leaf: Uint8Array): Uint8Array {
  const prefixed = leaf.length < ordinary.length ? ordinary : Buffer.alloc(1 + leaf.length, leafPrefix);
  prefixed.set(leaf, 1);
  return sha256(prefixed.subarray(0, 1 + leaf.length));
}

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  node.set(left, 1);
  node.set(right, 1 + hashBytes);
  return sha256(node);
}

/** Asked for the buffer itself, crypto.hash takes twice as long. */
function sha256(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash("sha256", bytes, "binary"), "latin1");
}

/** Is told of the hash of the full subtree of 2^level leaves that starts at leaf `index` · 2^level. */
export type SubtreeListener = (level: number, index: number, hash: Uint8Array) => void;

/**
 * The head after appending leaves with these hashes, in order. The head given is not changed. `onSubtree` is told of each
 * full subtree of more than one leaf as it is completed.
 */
export function appendLeafHashes(
  head: LogHead,
  leafHashes: Iterable<Uint8Array>,
  onSubtree?: SubtreeListener,
): LogHead {
  const frontier = [...head.frontier];
  let size = head.size;
  for (const appended of leafHashes) {
    let subtree = appended;
    let level = 0;
    // Each trailing one bit of the size is a full subtree as large as the one in hand: merge them.
    for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = frontier.pop();
      if (left === undefined) throw new TypeError(`the frontier has too few hashes for size ${head.size}`);
      subtree = nodeHash(left, subtree);
      level += 1;
      onSubtree?.(level, Math.floor(rest / 2), subtree);
    }
    frontier.push(subtree);
    size += 1;
  }
  return { size, frontier };
}

/** Root hash; that of the empty tree is SHA-256 of nothing. Throws `TypeError` on a frontier that does not fit the size. */
export function rootOf(head: LogHead): Uint8Array {
  if (!isWellFormedHead(head)) throw new TypeError(`the frontier does not fit a tree of size ${head.size}`);
  let root: Uint8Array | null = null;
  for (const subtree of head.frontier.toReversed()) root = root === null ? subtree : nodeHash(subtree, root);
  return root ?? hash("sha256", "", "buffer");
}

/** Whether the frontier has one hash of the right length for each one bit of the size. */
export function isWellFormedHead(head: LogHead): boolean {
  if (!Number.isSafeInteger(head.size) || head.size < 0) return false;
  let subtrees = 0;
  for (let rest = head.size; rest > 0; rest = Math.floor(rest / 2)) subtrees += rest % 2;
  return head.frontier.length === subtrees && head.frontier.every((subtree) => subtree.length === hashBytes);
}

export function equalHashes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
