// How much of the write-ahead log is not folded into the database yet, asked from the side that reads.

import type { DatabaseSync } from "node:sqlite";

/** `NOOP` looks and changes nothing (https://sqlite.org/pragma.html#pragma_wal_checkpoint). */
export function waitingPages(reader: DatabaseSync): number {
  const row = reader.prepare("PRAGMA wal_checkpoint(NOOP)").get();
  return Math.max(0, Number(row?.["log"]) - Number(row?.["checkpointed"]));
}
