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
    checkpoints: () => keptNotes(store),
    size: async () => (await store.head()).size,
    read: (from, to) => store.read(from, to),
  };
}

async function keptNotes(store: LogStore): Promise<readonly string[]> {
  if (store.keptCheckpoints === undefined) {
    const latest = await store.latestCheckpoint();
    return latest === null ? [] : [latest.note];
  }
  const notes: string[] = [];
  for (let after = -1; ; ) {
    const kept = await store.keptCheckpoints(after);
    const last = kept.at(-1);
    if (last === undefined) return notes;
    notes.push(...kept.map(({ note }) => note));
    after = last.size;
  }
}
