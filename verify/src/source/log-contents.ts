// What a log holds, as verification reads it: named, signed, and its entries one after the other.

import type { LogHead } from "../log/merkle-tree.ts";

/** What a log is called, written once when it is created. */
export interface LogIdentity {
  readonly origin: string;
  readonly vkey: string;
}

/** A checkpoint as a copy has it. */
export interface KeptCheckpoint {
  /** As whoever keeps it says. */
  readonly size: number;
  /** The signed note (C2SP signed-note, tlog-checkpoint). */
  readonly note: string;
}

/** A checkpoint as a store has it, with what spares computing it again. */
export interface StoredCheckpoint extends KeptCheckpoint {
  /** When it was signed, in milliseconds since the epoch. Says which ones to keep, and proves nothing. */
  readonly time: number;
  readonly root: Uint8Array;
  readonly frontier: readonly Uint8Array[];
}

export interface StoredEntry {
  readonly index: number;
  readonly leaf: Uint8Array;
}

/** The head as it is kept, with who may write and where recovery starts. */
export interface StoredHead extends LogHead {
  readonly epoch: number;
  readonly openFrom: number;
}

/** What a store holds besides its leaves, all of one moment. Verification reads it and trusts none of it. */
export interface LogContents {
  /** Null when it is gone, or has numbers that no head has. */
  readonly head: StoredHead | null;
  /** One more than the largest index of an entry; 0 when there is none. */
  readonly end: number;
  /** Entries that lie outside of the head: below index 0, or at its size and beyond. */
  readonly strayEntries: number;
  /** Ids by which an entry can be found. */
  readonly ids: number;
}

/** What is kept under the id of an entry. */
export interface IdRecord {
  /** Where the entry stands by its id, or null when the id is not known. */
  readonly index: number | null;
  /** As the store gives it. */
  readonly salt: Uint8Array | null;
}
