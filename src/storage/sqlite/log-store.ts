// The log on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type {
  AppendReceipt,
  LogHead,
  LogIdentity,
  LogStore,
  StoredCheckpoint,
  StoredEntry,
} from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { thinCheckpoints } from "./checkpoint-thinning.ts";
import { idBytes, type LogAppender, packHashes, unpackHashes } from "./log-appender.ts";
import { blob, integer, type Row, rowOf, text } from "./row.ts";
import type { SqliteWriter } from "./writer.ts";

const maxBatch = 10_000;
const maxCheckpoints = 1_000;

/** `write` is null on a database that is open for reading only. */
export interface WriteSide {
  readonly database: DatabaseSync;
  readonly writer: SqliteWriter;
  readonly appender: LogAppender;
}

export class SqliteLogStore implements LogStore {
  readonly #reader: DatabaseSync;
  readonly #write: WriteSide | null;

  constructor(reader: DatabaseSync, write: WriteSide | null) {
    this.#reader = reader;
    this.#write = write;
  }

  async identity(): Promise<LogIdentity | null> {
    const row = this.#get("SELECT origin, vkey FROM log_identity");
    return row === null ? null : { origin: text(row, "origin"), vkey: text(row, "vkey") };
  }

  async create(identity: LogIdentity): Promise<void> {
    const { database, writer } = this.#writable();
    await writer.write(() => {
      database
        .prepare("INSERT OR IGNORE INTO log_identity VALUES (1, ?, ?)")
        .run(identity.origin, identity.vkey);
      const row = rowOf(database.prepare("SELECT origin, vkey FROM log_identity").get());
      if (row?.["origin"] !== identity.origin || row["vkey"] !== identity.vkey) {
        throw new TypeError("the log has another name already");
      }
    });
  }

  async takeOver(instance: string): Promise<number> {
    const { database, writer, appender } = this.#writable();
    const epoch = await writer.write(() => {
      database.prepare("UPDATE log_head SET epoch = epoch + 1, instance = ?").run(instance);
      return integer(rowOf(database.prepare("SELECT epoch FROM log_head").get()), "epoch");
    });
    appender.setEpoch(epoch);
    return epoch;
  }

  async head(): Promise<LogHead> {
    const row = this.#get("SELECT size, frontier FROM log_head");
    return { size: integer(row, "size"), frontier: unpackHashes(row?.["frontier"]) };
  }

  append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    const { writer, appender } = this.#writable();
    return writer.write(() => appender.append(entries));
  }

  async read(from: number, to: number): Promise<readonly StoredEntry[]> {
    const rows = this.#reader
      .prepare("SELECT idx, leaf FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?")
      .all(from, to, maxBatch);
    return rows.map((row) => storedEntry(rowOf(row)));
  }

  async byId(id: string): Promise<StoredEntry | null> {
    const bytes = idBytes(id);
    if (bytes === null) return null;
    const found = this.#get(
      "SELECT entries.idx, leaf FROM entry_ids JOIN entries ON entries.idx = entry_ids.idx WHERE entry_ids.id = ?",
      bytes,
    );
    return found === null ? null : storedEntry(found);
  }

  async salt(entryId: string): Promise<Uint8Array | null> {
    const bytes = idBytes(entryId);
    const row = bytes === null ? null : this.#get("SELECT salt FROM salts WHERE id = ?", bytes);
    return row === null ? null : blob(row, "salt");
  }

  async putCheckpoint(checkpoint: StoredCheckpoint): Promise<void> {
    const { database, writer } = this.#writable();
    await writer.write(() => {
      const { size, root, note, frontier, time } = checkpoint;
      const last = rowOf(
        database.prepare("SELECT size, root, made_at FROM checkpoints ORDER BY size DESC LIMIT 1").get(),
      );
      refuseStepBack(last, checkpoint);
      database
        .prepare(
          "INSERT OR REPLACE INTO checkpoints (size, root, note, frontier, made_at) VALUES (?, ?, ?, ?, ?)",
        )
        .run(size, root, note, packHashes(frontier), time);
      if (last !== null) thinCheckpoints(database, integer(last, "made_at"), time);
    });
  }

  async latestCheckpoint(): Promise<StoredCheckpoint | null> {
    return checkpointOf(this.#get("SELECT * FROM checkpoints ORDER BY size DESC LIMIT 1"));
  }

  async checkpointAt(size: number): Promise<StoredCheckpoint | null> {
    return checkpointOf(this.#get("SELECT * FROM checkpoints WHERE size = ?", size));
  }

  async keptCheckpoints(after: number): Promise<readonly StoredCheckpoint[]> {
    const rows = this.#reader
      .prepare("SELECT * FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?")
      .all(after, maxCheckpoints);
    return rows.flatMap((row) => checkpointOf(row) ?? []);
  }

  async openFrom(): Promise<number> {
    return integer(this.#get("SELECT open_from FROM log_head"), "open_from");
  }

  async setOpenFrom(index: number): Promise<void> {
    const { database, writer } = this.#writable();
    await writer.write(() => {
      database.prepare("UPDATE log_head SET open_from = ?").run(index);
    });
  }

  #get(sql: string, ...values: (string | number | Uint8Array)[]): Row | null {
    return rowOf(this.#reader.prepare(sql).get(...values));
  }

  #writable(): WriteSide {
    if (this.#write === null) throw new TypeError("this database is open for reading only");
    return this.#write;
  }
}

function refuseStepBack(last: Row | null, { size, root }: StoredCheckpoint): void {
  if (last === null || integer(last, "size") < size) return;
  if (integer(last, "size") > size)
    throw new TypeError("a checkpoint of a smaller tree than the last is not kept");
  if (Buffer.compare(blob(last, "root"), root) !== 0)
    throw new TypeError("a checkpoint of another tree of the same size as the last is not kept");
}

function storedEntry(row: Row | null): StoredEntry {
  return { index: integer(row, "idx"), leaf: blob(row, "leaf") };
}

function checkpointOf(row: Row | null): StoredCheckpoint | null {
  if (row === null) return null;
  return {
    size: integer(row, "size"),
    time: integer(row, "made_at"),
    root: blob(row, "root"),
    note: text(row, "note"),
    frontier: unpackHashes(row["frontier"]),
  };
}
