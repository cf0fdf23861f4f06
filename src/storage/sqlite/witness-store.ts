// What a witness remembers, in a database of its own that one process has to itself.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OperatorError } from "../../core/operator-error.ts";
import type { WitnessedHead, WitnessStore } from "../../witness/witness-store.ts";
import { blob, integer, rowOf, text } from "../rows/row.ts";
import { makeOwnFile, makeOwnFolder } from "./data-files.ts";
import { databaseFault, isLocked } from "./sqlite-fault.ts";

const witnessDatabase = "witness.db";

const version = 1;
// The exclusive lock is taken with the first write and kept: a second process meets it, however this one ends.
const open = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = DELETE;
  PRAGMA synchronous = EXTRA;
  BEGIN EXCLUSIVE;
  CREATE TABLE IF NOT EXISTS heads (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, time INTEGER NOT NULL, note TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${version};
  COMMIT;
`;

/**
 * In this folder, which is made when it is missing. Throws `OperatorError` when another process has it, or it cannot be used.
 */
export function openSqliteWitnessStore(folder: string): WitnessStore {
  makeOwnFolder(folder);
  const path = join(folder, witnessDatabase);
  makeOwnFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    const found = Number(rowOf(database.prepare("PRAGMA user_version").get())?.["user_version"]);
    if (found > version)
      throw new OperatorError(
        `\`${path}\` was written by a newer version; use that one, or restore a backup`,
      );
    database.exec(open);
  } catch (fault) {
    database.close();
    throw inWords(fault, path, folder);
  }
  return new SqliteWitnessStore(database);
}

class SqliteWitnessStore implements WitnessStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async head(origin: string): Promise<WitnessedHead | null> {
    const row = rowOf(this.#database.prepare("SELECT * FROM heads WHERE origin = ?").get(origin));
    if (row === null) return null;
    return {
      size: integer(row, "size"),
      root: blob(row, "root"),
      time: integer(row, "time"),
      note: text(row, "note"),
    };
  }

  async advance(origin: string, last: WitnessedHead | null, next: WitnessedHead): Promise<boolean> {
    const { size, root, time, note } = next;
    const { changes } =
      last === null
        ? this.#database
            .prepare("INSERT INTO heads VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .run(origin, size, root, time, note)
        : this.#database
            .prepare(
              "UPDATE heads SET size = ?, root = ?, time = ?, note = ? WHERE origin = ? AND size = ? AND root = ? AND time = ?",
            )
            .run(size, root, time, note, origin, last.size, last.root, last.time);
    return Number(changes) === 1;
  }

  async latestTime(): Promise<number> {
    const row = rowOf(this.#database.prepare("SELECT coalesce(max(time), 0) AS time FROM heads").get());
    return row === null ? 0 : integer(row, "time");
  }

  async resetTimes(time: number): Promise<void> {
    this.#database.prepare("UPDATE heads SET time = min(time, ?)").run(time);
  }

  async close(): Promise<void> {
    this.#database.close();
  }
}

function inWords(fault: unknown, path: string, folder: string): unknown {
  if (isLocked(fault))
    return new OperatorError(
      `another witness is running on \`${folder}\`; stop it, or give this one a \`state\` of its own`,
    );
  const why = databaseFault(fault);
  return why === null ? fault : new OperatorError(`\`${path}\` cannot be used: ${why}`);
}
