// All stores on one SQLite database.

import type { LogStore } from "../../audit/log-store.ts";
import type { Storage } from "../storage.ts";
import { openDatabase, openDatabaseReadOnly, type SqliteConnections } from "./database.ts";
import { SqliteKeyStore } from "./key-store.ts";
import { SqliteLogStore } from "./log-store.ts";
import { SqlitePayloadStore } from "./payload-store.ts";
import { SqliteRevisionStore } from "./revision-store.ts";
import { SqliteSecretStore } from "./secret-store.ts";
import { SqliteUsageStore } from "./usage-store.ts";
import { localWriteSide } from "./write-side.ts";

/** Throws `OperatorError` when the folder is in use or cannot be opened by this version. */
export function openSqliteStorage(folder: string): Storage {
  return storageOn(openDatabase(folder));
}

/** The stores over these connections, which they close. */
export function storageOn(connections: SqliteConnections): Storage {
  const { reader } = connections;
  const write = localWriteSide(connections.writer);
  const { side } = write;
  return {
    log: new SqliteLogStore(reader, write),
    payloads: new SqlitePayloadStore(reader, side.payloads),
    keys: new SqliteKeyStore(reader, side.keys),
    secrets: new SqliteSecretStore(reader, side.secrets),
    revisions: new SqliteRevisionStore(reader, side.revisions),
    usage: new SqliteUsageStore(reader, side.usage),
    close: async () => {
      await write.close();
      connections.close();
    },
  };
}

/** The log alone, for `audit verify` on a folder: takes no lock and changes nothing. */
export function openSqliteLogReadOnly(folder: string): { readonly log: LogStore; close(): void } {
  const database = openDatabaseReadOnly(folder);
  return { log: new SqliteLogStore(database, null), close: () => database.close() };
}
