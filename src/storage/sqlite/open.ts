// All stores on one SQLite database.

import type { LogStore } from "../../audit/log-store.ts";
import type { Storage } from "../storage.ts";
import { openDatabase, openDatabaseReadOnly, type SqliteConnections } from "./database.ts";
import { SqliteKeyStore } from "./key-store.ts";
import { LogAppender } from "./log-appender.ts";
import { SqliteLogStore, type WriteSide } from "./log-store.ts";
import { SqlitePayloadStore } from "./payload-store.ts";
import { SqliteRevisionStore } from "./revision-store.ts";
import { SqliteSecretStore } from "./secret-store.ts";
import { SqliteUsageStore } from "./usage-store.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";
import { SqliteWriter } from "./writer.ts";

/** Throws `OperatorError` when the folder is in use or cannot be opened by this version. */
export function openSqliteStorage(folder: string): Storage {
  return storageOn(openDatabase(folder));
}

/** The stores over these connections, which they close. */
export function storageOn(connections: SqliteConnections): Storage {
  const { writer: database, reader } = connections;
  const appender = new LogAppender(database);
  const writer = new SqliteWriter(database, {
    fence: () => appender.fence(),
    beforeCommit: () => appender.beforeCommit(),
    afterCommit: () => appender.afterCommit(),
    afterRollback: () => appender.forget(),
    overwrite: () => appender.rewriteHead(),
  });
  const write: WriteSide = { database, writer, appender, wal: new WriteAheadLog(database) };
  return {
    log: new SqliteLogStore(reader, write),
    payloads: new SqlitePayloadStore(database, reader, writer),
    keys: new SqliteKeyStore(database, reader, writer, appender),
    secrets: new SqliteSecretStore(reader, write),
    revisions: new SqliteRevisionStore(database, reader, writer, appender),
    usage: new SqliteUsageStore(database, reader, writer),
    close: async () => {
      writer.close();
      connections.close();
    },
  };
}

/** The log alone, for `audit verify` on a folder: takes no lock and changes nothing. */
export function openSqliteLogReadOnly(folder: string): { readonly log: LogStore; close(): void } {
  const database = openDatabaseReadOnly(folder);
  return { log: new SqliteLogStore(database, null), close: () => database.close() };
}
