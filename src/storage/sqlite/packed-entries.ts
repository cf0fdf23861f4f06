// Entries as one piece of memory, because a message to another thread costs by the piece.

import type { EncodedEntry } from "../../core/entry.ts";

export interface PackedEntries {
  readonly ids: readonly string[];
  /** Whose the salts are; null where an entry has none. */
  readonly subjects: readonly (string | null)[];
  readonly leafBytes: readonly number[];
  readonly saltBytes: readonly number[];
  /** Leaf and salt of the first, leaf and salt of the second, and so on. */
  readonly bytes: Uint8Array;
}

export function packEntries(entries: readonly EncodedEntry[]): PackedEntries {
  let total = 0;
  for (const { leaf, salt } of entries) total += leaf.length + (salt?.bytes.length ?? 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const { leaf, salt } of entries) {
    bytes.set(leaf, at);
    at += leaf.length;
    if (salt === null) continue;
    bytes.set(salt.bytes, at);
    at += salt.bytes.length;
  }
  return {
    ids: entries.map(({ id }) => id),
    subjects: entries.map(({ salt }) => salt?.subject ?? null),
    leafBytes: entries.map(({ leaf }) => leaf.length),
    saltBytes: entries.map(({ salt }) => salt?.bytes.length ?? 0),
    bytes,
  };
}

export function unpackEntries(packed: PackedEntries): readonly EncodedEntry[] {
  let at = 0;
  const take = (length: number): Uint8Array => {
    at += length;
    return packed.bytes.subarray(at - length, at);
  };
  return packed.ids.map((id, place) => {
    const leaf = take(packed.leafBytes[place] ?? 0);
    const bytes = take(packed.saltBytes[place] ?? 0);
    const subject = packed.subjects[place] ?? null;
    return { id, leaf, salt: subject === null ? null : { bytes, subject } };
  });
}
