// What verification reads. The live store is one source, an exported copy another.

import type { LogIdentity, LogStore, StoredEntry } from "../log-store.ts";

export interface EntrySource {
  identity(): Promise<LogIdentity | null>;

  /** Signed checkpoints, at least the latest; more of them narrow down where something was changed. */
  checkpoints(): Promise<readonly string[]>;

  /** Entries there are now; never smaller than a checkpoint that was given out before. */
  size(): Promise<number>;

  /** Entries `from` ≤ index < `to`, in order: all of them, or a first part that is empty only when none is left. */
  read(from: number, to: number): Promise<readonly StoredEntry[]>;
}

export function logStoreSource(store: LogStore): EntrySource {
  return {
    identity: () => store.identity(),
    checkpoints: async () => {
      const latest = await store.latestCheckpoint();
      return latest === null ? [] : [latest.note];
    },
    size: async () => (await store.head()).size,
    read: (from, to) => store.read(from, to),
  };
}
