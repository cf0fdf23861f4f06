// A data folder as `doctor` looks at it, beside its gateway or without one. Changes nothing.

import { existsSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { LogStore } from "../../audit/log-store.ts";
import type { KeyCheckStore } from "../../audit/payload-store.ts";
import { blob, rowOf } from "../rows/row.ts";
import { dataFiles } from "./data-files.ts";
import { openDatabaseReadOnly } from "./database.ts";
import { holderOf } from "./folder-lock.ts";
import { SqliteLogStore } from "./log-store.ts";
import { isLocked } from "./sqlite-fault.ts";

export interface InspectedData {
  readonly log: LogStore;
  readonly keyChecks: KeyCheckStore;
  close(): void;
}

export interface DataUse {
  /** Whether a gateway has the folder. */
  readonly held: boolean;
  /** The process that has it, as far as it said so; null when none has, or it runs where its number means nothing here. */
  readonly process: string | null;
  readonly databaseBytes: number;
  readonly writeAheadLogBytes: number;
}

/** Throws `OperatorError` as a start would, save that a database of an older version is left as it is. */
export function inspectData(folder: string): InspectedData {
  const reader = openDatabaseReadOnly(folder);
  return {
    log: new SqliteLogStore(reader, null),
    keyChecks: {
      keyCheck: async (name) => {
        const row = rowOf(reader.prepare("SELECT value FROM key_checks WHERE name = ?").get(name));
        return row === null ? null : blob(row, "value");
      },
      ensureKeyCheck: () => Promise.reject(new TypeError("this database is open for reading only")),
    },
    close: () => reader.close(),
  };
}

/** Null when there is no database yet. Throws where this user may not look. */
export function dataUse(folder: string): DataUse | null {
  const files = dataFiles(folder);
  if (statSync(files.database, { throwIfNoEntry: false }) === undefined) return null;
  const held = isHeld(files.lock);
  return {
    held,
    process: held ? holderOf(files.pid) : null,
    databaseBytes: bytesOf(files.database),
    writeAheadLogBytes: bytesOf(`${files.database}-wal`),
  };
}

/** Reads the lock's database for a moment: that takes a lock which goes with others of its kind and not with a gateway's. */
function isHeld(lock: string): boolean {
  if (!existsSync(lock)) return false;
  const database = new DatabaseSync(lock, { readOnly: true, timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (fault) {
    if (isLocked(fault)) return true;
    throw fault;
  } finally {
    database.close();
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
