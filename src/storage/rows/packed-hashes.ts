// Hashes of a tree's right edge, side by side as they are stored.

const hashBytes = 32;

export function packHashes(hashes: readonly Uint8Array[]): Buffer {
  return Buffer.concat(hashes);
}

/** Throws on what is not bytes. */
export function unpackHashes(packed: unknown): readonly Uint8Array[] {
  if (!(packed instanceof Uint8Array)) throw new TypeError("a frontier is not bytes");
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += hashBytes) hashes.push(packed.slice(at, at + hashBytes));
  return hashes;
}
