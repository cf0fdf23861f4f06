// Where the log lives. Implemented by storage/; every driver passes storage/contract.ts.

import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import type { TileHash } from "portcullis-verify/log/tiles.ts";
import type {
  IdRecord,
  LogContents,
  LogIdentity,
  StoredCheckpoint,
  StoredEntry,
  StoredHead,
} from "portcullis-verify/source/log-contents.ts";
import type { EncodedEntry } from "../core/entry.ts";
import type { PeerStore } from "./peer-store.ts";

export type { IdRecord, LogContents, LogIdentity, StoredCheckpoint, StoredEntry, StoredHead, TileHash };

/** Where an append landed. */
export interface AppendReceipt {
  readonly firstIndex: number;
  readonly size: number;
}

/**
 * The failures that an append can meet. Both mean: nothing of it is in the log, and nothing is appended behind it unless
 * that is certain to stay so. Only when a commit failed and the store could write nothing more before the process was
 * killed may the next start find it in the log after all; whoever was refused was then sent nowhere.
 */
export class LogUnavailableError extends Error {
  override readonly name = "LogUnavailableError";
}
/** Another instance writes, or the stored head is not the one that this instance committed last. Nothing can follow. */
export class FencedError extends Error {
  override readonly name = "FencedError";
}

export interface LogStore {
  /** Where several instances write at the same time; null where one does. */
  readonly peers: PeerStore | null;

  /** The log's name, or null before `create`. */
  identity(): Promise<LogIdentity | null>;

  /** Names the log, once. Throws when it has another name already. */
  create(identity: LogIdentity): Promise<void>;

  /**
   * Takes over writing and returns the new epoch (1 for the first). From then on every write of an earlier epoch, not of
   * the log alone, gets `FencedError`. So does every write once the stored head is not the one that this instance
   * committed last: both are compared in the transaction of every write.
   *
   * Where there are peers it joins those who write, under an epoch that no other has. A peer of which nothing is heard is
   * fenced, and from then on every write of it gets `FencedError`.
   */
  takeOver(instance: string): Promise<number>;

  /** As it is stored, whoever wrote it. */
  head(): Promise<LogHead>;

  /**
   * Appends the entries next to each other, all or none, and resolves when they are durable (fsync returned). Entries
   * of concurrent calls may share a transaction; those of one call are contiguous and in order; indices have no gaps.
   * The new head commits in the same transaction. Rejects with `LogUnavailableError` or `FencedError`.
   */
  append(entries: readonly EncodedEntry[]): Promise<AppendReceipt>;

  /** Entries `from` ≤ index < `to`, in order, in one batch of at most 10,000. Reads what is committed. */
  read(from: number, to: number): Promise<readonly StoredEntry[]>;

  /**
   * Hashes of full tiles, of the level (at least 1) that has them, `from` ≤ index < `to`, in order, in one batch of at most
   * 10,000. `append` keeps each with the entry that fills the tile, in one transaction; of entries from before that they
   * are missing until `fillTileHashes` has computed them.
   */
  tileHashes(level: number, from: number, to: number): Promise<readonly TileHash[]>;
  /** How many of them are kept below index `to`. */
  countTileHashes(level: number, to: number): Promise<number>;
  /** Keeps those that are not there yet, all or none. Rejects with `OperatorError` when another is there in the place of one. */
  putTileHashes(hashes: readonly TileHash[]): Promise<void>;

  /** The entry with this id, or null. */
  byId(id: string): Promise<StoredEntry | null>;

  /** The salt of an entry, or null when it has none or it was erased. */
  salt(entryId: string): Promise<Uint8Array | null>;

  /**
   * Keeps a checkpoint. Refuses (throws) one that is smaller than the last, or of another tree of its size. The same
   * transaction thins the older ones, counted back from the new one's time: of those older than an hour the last of each
   * minute stays, of those older than a day the last of each hour (UTC). The latest always stays, whatever the clock says.
   *
   * No proof rests on the ones that go: a proof is between the latest and the leaves, and a checkpoint that was given out
   * or pinned is proved again from these. The ones that stay spare hashing and tell where a log was changed.
   */
  putCheckpoint(checkpoint: StoredCheckpoint): Promise<void>;
  latestCheckpoint(): Promise<StoredCheckpoint | null>;
  /**
   * Keeps with the checkpoint of this size its note with the cosignatures of witnesses. Nothing happens when there is none
   * of that size, or one that meets the quorum would give way to one that does not.
   */
  putCosigned(size: number, note: string, meetsQuorum: boolean): Promise<void>;
  /** The largest whose note was said to meet the quorum, or null. It is not thinned. */
  witnessedCheckpoint(): Promise<StoredCheckpoint | null>;
  /** The checkpoint of exactly this size, or null when none was made or it was thinned. */
  checkpointAt(size: number): Promise<StoredCheckpoint | null>;
  /** The largest that is kept of at most this size, or null. */
  checkpointAtOrBelow(size: number): Promise<StoredCheckpoint | null>;
  /**
   * Those that are kept with a size above `after`, smallest first, one of each size, in one batch of at most 1,000. Of a
   * database from before checkpoints had a time, all have the time 0.
   */
  keptCheckpoints(after: number): Promise<readonly StoredCheckpoint[]>;

  /** For verification: does not throw on what somebody has changed, save where the database itself cannot be read. */
  contents(): Promise<LogContents>;

  /** What is kept under each of these ids, in their order. At most 10,000 ids. */
  recordsOf(ids: readonly string[]): Promise<readonly IdRecord[]>;

  /**
   * Where recovery starts to look: every call with an entry below this index has its completion in the log.
   * `openFrom` is written with each checkpoint and is never ahead of the truth.
   */
  openFrom(): Promise<number>;
  setOpenFrom(index: number): Promise<void>;

  /**
   * From now on nothing is written, by any store on the same data: every write, those that wait too, rejects with
   * `LogUnavailableError` and this text.
   */
  stop(why: string): void;

  /**
   * Work that the store has to do from time to time, called about every second. In words what hinders it, or null. Never
   * rejects.
   */
  upkeep(): Promise<string | null>;
}
