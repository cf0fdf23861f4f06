// Opening the database: one writer, one reader that cannot write, and a lock that a second gateway meets.

import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OperatorError } from "../../core/operator-error.ts";
import { migrations } from "./schema.ts";

export interface SqliteConnections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
  close(): void;
}

/** Throws `OperatorError` when another gateway has the folder or the database is of a newer version. */
export function openDatabase(folder: string): SqliteConnections {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = takeLock(folder);
  try {
    const path = join(folder, "portcullis.db");
    const writer = new DatabaseSync(path);
    chmodSync(path, 0o600);
    // FULL: in WAL mode anything less loses acknowledged commits at power loss.
    writer.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 67108864",
    );
    migrate(writer, folder);
    const reader = openReader(path);
    return {
      writer,
      reader,
      close: () => {
        reader.close();
        writer.close();
        lock.close();
      },
    };
  } catch (fault) {
    lock.close();
    throw fault;
  }
}

/** For looking at a database beside its gateway, or at a copy of one. Takes no lock and changes nothing. */
export function openDatabaseReadOnly(folder: string): DatabaseSync {
  const path = join(folder, "portcullis.db");
  if (!existsSync(path))
    throw new OperatorError(`there is no database in \`${folder}\`; name a data folder of a gateway`);
  const reader = openReader(path);
  const version = userVersion(reader);
  if (version === migrations.length) return reader;
  reader.close();
  throw new OperatorError(
    `the database in \`${folder}\` has version ${version}, and this is version ${migrations.length}`,
  );
}

function openReader(path: string): DatabaseSync {
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000");
  return reader;
}

/** An exclusive transaction on a database of its own: the system gives it back when the process dies, however it dies. */
function takeLock(folder: string): DatabaseSync {
  const path = join(folder, "portcullis.lock");
  const lock = new DatabaseSync(path);
  try {
    chmodSync(path, 0o600);
    lock.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    return lock;
  } catch {
    lock.close();
    throw new OperatorError(
      `another gateway is running on \`${folder}\`; stop it, or give this one a data folder of its own (\`--dir\`)`,
    );
  }
}

function migrate(writer: DatabaseSync, folder: string): void {
  const version = userVersion(writer);
  if (version > migrations.length) {
    throw new OperatorError(
      `the database in \`${folder}\` was written by a newer portcullis (version ${version}, this knows ${migrations.length}); run that one`,
    );
  }
  for (const [at, statements] of migrations.entries()) {
    if (at >= version) writer.exec(`BEGIN IMMEDIATE; ${statements}; PRAGMA user_version = ${at + 1}; COMMIT`);
  }
}

function userVersion(database: DatabaseSync): number {
  const row = database.prepare("PRAGMA user_version").get();
  return Number(row?.["user_version"] ?? 0);
}
