// The live store, as verification reads it.

import type { EntrySource } from "portcullis-verify/source/entry-source.ts";
import type { LogStore } from "./log-store.ts";

export function logStoreSource(store: LogStore): EntrySource {
  return {
    identity: () => store.identity(),
    checkpoints: (after) => store.keptCheckpoints(after),
    read: (from, to) => store.read(from, to),
    records: { contents: () => store.contents(), recordsOf: (ids) => store.recordsOf(ids) },
    tiles: null,
  };
}
