// Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2), made from stored subtree hashes and verified as
// RFC 9162 §2.1.3.2 and §2.1.4.2 say.

import { equalHashes, hashBytes, nodeHash } from "./merkle-tree.ts";

/** Reads the hash of the full subtree of 2^level leaves that starts at leaf `index` · 2^level. */
export type SubtreeReader = (level: number, index: number) => Promise<Uint8Array>;

/** Audit path of the leaf, lowest sibling first. Throws `RangeError` unless 0 ≤ index < size. */
export async function inclusionProof(
  index: number,
  size: number,
  read: SubtreeReader,
): Promise<readonly Uint8Array[]> {
  if (!isSize(index) || !isSize(size) || index >= size) {
    throw new RangeError(`no leaf ${index} in a tree of size ${size}`);
  }
  const path: Uint8Array[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    const inLeft = index < middle;
    path.push(inLeft ? await rangeHash(middle, end, read) : await rangeHash(start, middle, read));
    if (inLeft) end = middle;
    else start = middle;
  }
  return path.reverse();
}

/** Proof that the tree of `size1` is a prefix of that of `size2`. Throws `RangeError` unless 0 < size1 ≤ size2. */
export async function consistencyProof(
  size1: number,
  size2: number,
  read: SubtreeReader,
): Promise<readonly Uint8Array[]> {
  if (!isSize(size1) || !isSize(size2) || size1 === 0 || size1 > size2) {
    throw new RangeError(`no consistency proof from size ${size1} to size ${size2}`);
  }
  const path: Uint8Array[] = [];
  let start = 0;
  let end = size2;
  while (end !== size1) {
    const middle = start + largestPowerBelow(end - start);
    if (size1 <= middle) {
      path.push(await rangeHash(middle, end, read));
      end = middle;
    } else {
      path.push(await rangeHash(start, middle, read));
      start = middle;
    }
  }
  // The verifier has the old root already; where that is the subtree left over, it is not repeated.
  if (start !== 0) path.push(await rangeHash(start, end, read));
  return path.reverse();
}

/** Whether `path` proves that a leaf with this hash is at `index` of the tree with this size and root. */
export function verifyInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, ...path])) return false;
  let position = index;
  let last = size - 1;
  let found = leaf;
  for (const sibling of path) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      found = nodeHash(sibling, found);
      [position, last] = skipLevelsWithoutSibling(position, last);
    } else {
      found = nodeHash(found, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalHashes(found, root);
}

/**
 * Whether `path` proves that the tree with `root1` is a prefix of the tree with `root2`. False for `size1` 0: every
 * tree extends the empty one, so a proof of it says nothing.
 */
export function verifyConsistency(
  size1: number,
  size2: number,
  path: readonly Uint8Array[],
  root1: Uint8Array,
  root2: Uint8Array,
): boolean {
  if (!isSize(size1) || !isSize(size2) || size1 === 0 || size1 > size2 || !areHashes(path)) return false;
  if (size1 === size2) return path.length === 0 && equalHashes(root1, root2);
  const [first, ...rest] = isPowerOfTwo(size1) ? [root1, ...path] : path;
  if (first === undefined) return false;
  let position = size1 - 1;
  let last = size2 - 1;
  while (position % 2 === 1) {
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  let found1 = first;
  let found2 = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      found1 = nodeHash(sibling, found1);
      found2 = nodeHash(sibling, found2);
      [position, last] = skipLevelsWithoutSibling(position, last);
    } else {
      found2 = nodeHash(found2, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalHashes(found1, root1) && equalHashes(found2, root2);
}

// At the right edge an unpaired subtree rises unhashed until it has a sibling on its left.
function skipLevelsWithoutSibling(position: number, last: number): [number, number] {
  let skippedPosition = position;
  let skippedLast = last;
  while (skippedPosition % 2 === 0 && skippedPosition !== 0) {
    skippedPosition /= 2;
    skippedLast = Math.floor(skippedLast / 2);
  }
  return [skippedPosition, skippedLast];
}

async function rangeHash(start: number, end: number, read: SubtreeReader): Promise<Uint8Array> {
  const size = end - start;
  if (isPowerOfTwo(size)) return read(Math.log2(size), start / size);
  const middle = start + largestPowerBelow(size);
  return nodeHash(await rangeHash(start, middle, read), await rangeHash(middle, end, read));
}

/** The largest power of two smaller than `size`, which is at least 2. */
function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

function isPowerOfTwo(size: number): boolean {
  return Number.isInteger(Math.log2(size)) && 2 ** Math.log2(size) === size;
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function areHashes(path: readonly Uint8Array[]): boolean {
  return path.every((sibling) => sibling.length === hashBytes);
}
