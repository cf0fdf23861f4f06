// What verification reads. The live store is one source, an exported copy another.

import type { IdRecord, LogContents, LogIdentity, StoredCheckpoint, StoredEntry } from "./log-contents.ts";

export interface EntrySource {
  identity(): Promise<LogIdentity | null>;

  /**
   * Signed checkpoints with a size above `after`, smallest first: at least the latest, and none only when there is no
   * more. More of them narrow down where something was changed.
   */
  checkpoints(after: number): Promise<readonly StoredCheckpoint[]>;

  /** What there is now; never less than a checkpoint that was given out before was signed over. */
  contents(): Promise<LogContents>;

  /** Entries `from` ≤ index < `to`, in order: all of them, or a first part that is empty only when none is left. */
  read(from: number, to: number): Promise<readonly StoredEntry[]>;

  /** What is kept under each of these ids, in their order. */
  recordsOf(ids: readonly string[]): Promise<readonly IdRecord[]>;
}
