// All stores on one SQLite database.

import type { DatabaseSync } from "node:sqlite";
import type { ReadOnlyRecord } from "../read-only.ts";
import type { Storage } from "../storage.ts";
import { SqliteApprovalStore } from "./approval-store.ts";
import { SqliteCounterStore } from "./counter-store.ts";
import { openDatabaseReadOnly, openFolder, type SqliteConnections } from "./database.ts";
import { SqliteKeyStore } from "./key-store.ts";
import { SqliteLogStore } from "./log-store.ts";
import { SqliteOperatorStore } from "./operator-store.ts";
import { SqlitePayloadStore } from "./payload-store.ts";
import { SqliteRevisionStore } from "./revision-store.ts";
import { SqliteSecretStore } from "./secret-store.ts";
import { threadedWriteSide } from "./threaded-write-side.ts";
import { SqliteUsageStore } from "./usage-store.ts";
import { waitingPages } from "./waiting-pages.ts";
import { localWriteSide, type OpenWriteSide } from "./write-side.ts";

/**
 * With the connection that writes in a thread of its own. Throws `OperatorError` when the folder is in use or cannot be
 * opened by this version.
 */
export function openSqliteStorage(folder: string): Storage {
  const opened = openFolder(folder);
  const write = threadedWriteSide(folder);
  return storesOver(opened.reader, write, async () => {
    opened.closeReader();
    await write.close();
    opened.release();
  });
}

/** The stores over these connections of this thread, which they close. */
export function storageOn(connections: SqliteConnections): Storage {
  const write = localWriteSide(connections.writer);
  return storesOver(connections.reader, write, async () => {
    await write.close();
    connections.close();
  });
}

function storesOver(reader: DatabaseSync, write: OpenWriteSide, close: () => Promise<void>): Storage {
  const { side } = write;
  return {
    changes: null,
    log: new SqliteLogStore(reader, write),
    payloads: new SqlitePayloadStore(reader, side.payloads),
    keys: new SqliteKeyStore(reader, side.keys),
    operators: new SqliteOperatorStore(reader, side.operators),
    secrets: new SqliteSecretStore(reader, side.secrets),
    revisions: new SqliteRevisionStore(reader, side.revisions),
    usage: new SqliteUsageStore(reader, side.usage),
    counters: new SqliteCounterStore(reader, side.counters),
    approvals: new SqliteApprovalStore(reader, side.approvals),
    walPages: () => waitingPages(reader),
    close,
  };
}

export interface SqliteReadOnlyRecord extends ReadOnlyRecord {
  close(): void;
}

/**
 * What `audit verify` reads of a folder: takes no lock and changes nothing. Throws `OperatorError` when there is no database
 * that this version can read.
 */
export function openSqliteReadOnly(folder: string): SqliteReadOnlyRecord {
  const database = openDatabaseReadOnly(folder);
  return {
    log: new SqliteLogStore(database, null),
    payloads: new SqlitePayloadStore(database, null),
    revisions: new SqliteRevisionStore(database, null),
    close: () => database.close(),
  };
}
