// Hashes of a tree's right edge, side by side as they are stored.

const hashBytes = 32;

export function packHashes(hashes: readonly Uint8Array[]): Buffer {
  return Buffer.concat(hashes);
}

export function unpackHashes(packed: Uint8Array): readonly Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += hashBytes) hashes.push(packed.subarray(at, at + hashBytes));
  return hashes;
}
