// Opening the database: one writer, one reader that cannot write, and a lock that a second gateway meets.

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { removeLeftovers } from "../../core/durable-file.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { type DataFiles, dataFiles, makeOwnFile, makeOwnFolder } from "./data-files.ts";
import { lockFolder } from "./folder-lock.ts";
import { migrations } from "./schema.ts";
import { databaseFault, needsWritableFolder } from "./sqlite-fault.ts";

/** A data folder that this process has to itself, with its database brought up to date. */
export interface OpenFolder {
  readonly reader: DatabaseSync;
  /** Before the connection that writes, which folds the write-ahead log in when it is the last. Safe to call twice. */
  closeReader(): void;
  /** After both connections. Safe to call twice. */
  release(): void;
}

export interface SqliteConnections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
  /** Safe to call twice. */
  close(): void;
}

/** While it waits for a lock nothing else runs. Only a tool beside the gateway, a backup for one, ever holds one. */
const lockWaitMs = 1_000;

/** What a burst may leave of the write-ahead log's file. */
const walLimitBytes = 64 * 1024 * 1024;

/** Throws `OperatorError` when another gateway has the folder, or the database is damaged or of a newer version. */
export function openFolder(folder: string): OpenFolder {
  const files = dataFiles(folder);
  makeOwnFolder(folder);
  const lock = lockFolder(files);
  const release = once(() => lock.release());
  try {
    removeLeftovers(folder);
    makeOwnFile(files.database);
    bringUpToDate(folder);
    const reader = openReader(files.database);
    return { reader, closeReader: once(() => reader.close()), release };
  } catch (fault) {
    release();
    throw inWords(fault, files);
  }
}

/** The connection that writes, to a database that `openFolder` has brought up to date. */
export function openWriter(folder: string): DatabaseSync {
  const writer = new DatabaseSync(dataFiles(folder).database, { timeout: lockWaitMs });
  try {
    configureWriter(writer, folder);
    return writer;
  } catch (fault) {
    writer.close();
    throw fault;
  }
}

/** Both connections in this thread. Throws as `openFolder` does. */
export function openDatabase(folder: string): SqliteConnections {
  const opened = openFolder(folder);
  const writer = openWriter(folder);
  return {
    writer,
    reader: opened.reader,
    close: once(() => {
      opened.closeReader();
      writer.close();
      opened.release();
    }),
  };
}

function bringUpToDate(folder: string): void {
  const writer = openWriter(folder);
  try {
    migrate(writer, folder);
    // What a killed gateway left in the write-ahead log may be a secret that was destroyed since.
    writer.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  } finally {
    writer.close();
  }
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}

/**
 * For looking at a database beside its gateway, or at a copy of one. Takes no lock and changes nothing: a database of an
 * older version stays one, so readers must do without what later versions have added. Throws `OperatorError`.
 */
export function openDatabaseReadOnly(folder: string): DatabaseSync {
  const files = dataFiles(folder);
  if (!existsSync(files.database))
    throw new OperatorError(`there is no database in \`${folder}\`; name a data folder of a gateway`);
  const reader = openObserver(files);
  try {
    const refusal = whyNotObserved(reader, folder);
    if (refusal !== null) throw new OperatorError(refusal);
    return reader;
  } catch (fault) {
    reader.close();
    throw fault instanceof OperatorError ? fault : unreadable(fault, files);
  }
}

function whyNotObserved(reader: DatabaseSync, folder: string): string | null {
  const version = userVersion(reader);
  if (version > migrations.length) {
    return `the database in \`${folder}\` was written by a newer portcullis (version ${version}, this knows ${migrations.length}); use that one`;
  }
  // The version is a number that anybody can have set; whether there is a log to look at is not.
  const table = reader.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'entries'").get();
  return table === undefined ? `the database in \`${folder}\` holds no log` : null;
}

function configureWriter(writer: DatabaseSync, folder: string): void {
  if (pragma(writer, "journal_mode = WAL") !== "wal") {
    throw new OperatorError(
      `the file system of \`${folder}\` does not carry SQLite's write-ahead log; use a local disk`,
    );
  }
  // FULL: in WAL mode anything less loses acknowledged commits at power loss; on macOS so does FULL without fullfsync.
  writer.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA journal_size_limit = ${walLimitBytes};
  `);
  const full = 2;
  if (pragma(writer, "synchronous") !== full) throw new Error("the database does not sync its commits");
}

function openReader(path: string): DatabaseSync {
  const reader = new DatabaseSync(path, { readOnly: true, timeout: lockWaitMs });
  reader.exec("PRAGMA query_only = ON");
  return reader;
}

function openObserver(files: DataFiles): DatabaseSync {
  const beside = openReader(files.database);
  try {
    userVersion(beside);
    return beside;
  } catch (fault) {
    beside.close();
    if (!needsWritableFolder(fault)) throw unreadable(fault, files);
  }
  return openOnReadOnlyGround(files);
}

/**
 * The index of a write-ahead log is a file that readers write too. Where they cannot, nobody else does either: no lock is
 * needed, and the index is kept in memory (https://sqlite.org/wal.html §9, "without shared-memory").
 */
function openOnReadOnlyGround(files: DataFiles): DatabaseSync {
  const location = pathToFileURL(files.database);
  location.search = "?vfs=unix-none";
  const reader = new DatabaseSync(location, { readOnly: true });
  try {
    reader.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON");
    userVersion(reader);
    return reader;
  } catch (fault) {
    reader.close();
    throw unreadable(fault, files);
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
  return Number(pragma(database, "user_version"));
}

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
}

function inWords(fault: unknown, { database }: DataFiles): unknown {
  const why = databaseFault(fault);
  return why === null ? fault : new OperatorError(`the database \`${database}\` cannot be used: ${why}`);
}

function unreadable(fault: unknown, { database }: DataFiles): OperatorError {
  const why = databaseFault(fault) ?? (fault instanceof Error ? fault.message : String(fault));
  return new OperatorError(`the database \`${database}\` cannot be read: ${why}`);
}
