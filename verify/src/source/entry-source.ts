// What verification reads. The live store is one source, an exported copy or a log behind a URL another; what only some of
// them have is a capability, and what a source does not have is said to be not checked.

import type { TilePlace } from "../log/tiles.ts";
import type { IdRecord, KeptCheckpoint, LogContents, LogIdentity, StoredEntry } from "./log-contents.ts";

export interface EntrySource {
  identity(): Promise<LogIdentity | null>;

  /**
   * Signed checkpoints with a size above `after`, smallest first: at least the latest, and none only when there is no
   * more. More of them narrow down where something was changed.
   */
  checkpoints(after: number): Promise<readonly KeptCheckpoint[]>;

  /** Entries `from` ≤ index < `to`, in order: all of them, or a first part that is empty only when none is left. */
  read(from: number, to: number): Promise<readonly StoredEntry[]>;

  /** Null of a copy, which has the entries that its checkpoint was signed over and nothing beside them. */
  readonly records: StoreRecords | null;

  /** Null where entries do not lie in tiles. */
  readonly tiles: TileReader | null;
}

/** What a store keeps beside its entries. None of it is signed. */
export interface StoreRecords {
  /** What there is now; never less than a checkpoint that was given out before was signed over. */
  contents(): Promise<LogContents>;

  /** What is kept under each of these ids, in their order. */
  recordsOf(ids: readonly string[]): Promise<readonly IdRecord[]>;
}

/** The files of c2sp.org/tlog-tiles. */
export interface TileReader {
  /** A tile of hashes, as it is kept; null when it is not there. */
  hashes(place: TilePlace & { readonly level: number }): Promise<Uint8Array | null>;

  /** Bundles that `read` had to leave out, since this was asked for the last time. */
  leftOut(): readonly UnreadableTile[];
}

export interface UnreadableTile {
  readonly tile: TilePlace;
  /** In words; null when it is not there. */
  readonly detail: string | null;
}
