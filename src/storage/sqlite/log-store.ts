// The log on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import {
  type AppendReceipt,
  type IdRecord,
  type LogContents,
  type LogIdentity,
  type LogStore,
  LogUnavailableError,
  type StoredCheckpoint,
  type StoredEntry,
  type TileHash,
} from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { writable } from "../read-only.ts";
import { unpackHashes } from "../rows/packed-hashes.ts";
import { blob, integer, type Row, rowOf, text } from "../rows/row.ts";
import { tileHashOf } from "../rows/tile-hash-rows.ts";
import { idBytes, lostHead } from "./log-appender.ts";
import { databaseFault } from "./sqlite-fault.ts";
import type { OpenWriteSide } from "./write-side.ts";

const maxBatch = 10_000;
const maxCheckpoints = 1_000;

export class SqliteLogStore implements LogStore {
  readonly #reader: DatabaseSync;
  /** Null on a database that is open for reading only. */
  readonly #write: OpenWriteSide | null;
  #hasTileHashes = false;
  /** One gateway has the folder. */
  readonly peers = null;

  constructor(reader: DatabaseSync, write: OpenWriteSide | null) {
    this.#reader = reader;
    this.#write = write;
  }

  async identity(): Promise<LogIdentity | null> {
    const row = this.#get("SELECT origin, vkey FROM log_identity");
    return row === null ? null : { origin: text(row, "origin"), vkey: text(row, "vkey") };
  }

  async create(identity: LogIdentity): Promise<void> {
    return this.#writable().side.log.create(identity);
  }

  async takeOver(instance: string): Promise<number> {
    return this.#writable().side.log.takeOver(instance);
  }

  async head(): Promise<LogHead> {
    const row = this.#get("SELECT size, frontier FROM log_head");
    if (row === null) throw lostHead();
    return { size: integer(row, "size"), frontier: unpackHashes(row["frontier"]) };
  }

  append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    return this.#writable().side.log.append(entries);
  }

  async read(from: number, to: number): Promise<readonly StoredEntry[]> {
    const rows = this.#all(
      "SELECT idx, leaf FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?",
      from,
      to,
      maxBatch,
    );
    return rows.map(storedEntry);
  }

  async tileHashes(level: number, from: number, to: number): Promise<readonly TileHash[]> {
    if (!this.#keepsTileHashes()) return [];
    const rows = this.#all(
      "SELECT idx, hash FROM tile_hashes WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx LIMIT ?",
      level,
      from,
      to,
      maxBatch,
    );
    return rows.map((row) => tileHashOf(level, row));
  }

  async countTileHashes(level: number, to: number): Promise<number> {
    if (!this.#keepsTileHashes()) return 0;
    const counted = this.#get(
      "SELECT count(*) AS count FROM tile_hashes WHERE level = ? AND idx < ?",
      level,
      to,
    );
    return integer(counted, "count");
  }

  putTileHashes(hashes: readonly TileHash[]): Promise<void> {
    return this.#writable().side.log.putTileHashes(hashes);
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
    return this.#writable().side.log.putCheckpoint(checkpoint);
  }

  async latestCheckpoint(): Promise<StoredCheckpoint | null> {
    return checkpointOf(this.#get("SELECT * FROM checkpoints ORDER BY size DESC LIMIT 1"));
  }

  async putCosigned(size: number, note: string, meetsQuorum: boolean): Promise<void> {
    return this.#writable().side.log.putCosigned(size, note, meetsQuorum);
  }

  async witnessedCheckpoint(): Promise<StoredCheckpoint | null> {
    return checkpointOf(
      this.#get("SELECT * FROM checkpoints WHERE witnessed = 1 ORDER BY size DESC LIMIT 1"),
    );
  }

  async checkpointAt(size: number): Promise<StoredCheckpoint | null> {
    return checkpointOf(this.#get("SELECT * FROM checkpoints WHERE size = ?", size));
  }

  async checkpointAtOrBelow(size: number): Promise<StoredCheckpoint | null> {
    return checkpointOf(
      this.#get("SELECT * FROM checkpoints WHERE size <= ? ORDER BY size DESC LIMIT 1", size),
    );
  }

  async keptCheckpoints(after: number): Promise<readonly StoredCheckpoint[]> {
    const rows = this.#all(
      "SELECT * FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?",
      after,
      maxCheckpoints,
    );
    return rows.flatMap((row) => checkpointOf(row) ?? []);
  }

  async contents(): Promise<LogContents> {
    const row = this.#get(contentsSql, Number.MAX_SAFE_INTEGER);
    const size = row?.["size"];
    const head =
      typeof size === "number"
        ? {
            size,
            frontier: unpackHashes(row?.["frontier"]),
            epoch: integer(row, "epoch"),
            openFrom: integer(row, "open_from"),
          }
        : null;
    return {
      head,
      end: integer(row, "last") + 1,
      strayEntries: integer(row, "below") + integer(row, "beyond"),
      ids: integer(row, "ids"),
    };
  }

  async recordsOf(ids: readonly string[]): Promise<readonly IdRecord[]> {
    const place = this.#reader.prepare(
      "SELECT CASE WHEN idx BETWEEN 0 AND ? THEN idx ELSE -1 END AS idx FROM entry_ids WHERE id = ?",
    );
    const salts = this.#reader.prepare("SELECT salt FROM salts WHERE id = ?");
    return ids.map((id) => {
      const bytes = idBytes(id);
      if (bytes === null) return { index: null, salt: null };
      const [found, salted] = [rowOf(place.get(Number.MAX_SAFE_INTEGER, bytes)), rowOf(salts.get(bytes))];
      return {
        index: found === null ? null : integer(found, "idx"),
        salt: salted === null ? null : blob(salted, "salt"),
      };
    });
  }

  async openFrom(): Promise<number> {
    const row = this.#get("SELECT open_from FROM log_head");
    if (row === null) throw lostHead();
    return integer(row, "open_from");
  }

  async setOpenFrom(index: number): Promise<void> {
    return this.#writable().side.log.setOpenFrom(index);
  }

  stop(why: string): void {
    this.#writable().stop(why);
  }

  async upkeep(): Promise<string | null> {
    return this.#writable().side.log.upkeep();
  }

  /** A database from before, open for reading only, has no table for them. */
  #keepsTileHashes(): boolean {
    this.#hasTileHashes ||= this.#get("SELECT 1 FROM sqlite_schema WHERE name = 'tile_hashes'") !== null;
    return this.#hasTileHashes;
  }

  #get(sql: string, ...values: (string | number | Uint8Array)[]): Row | null {
    return readable(() => rowOf(this.#reader.prepare(sql).get(...values)));
  }

  #all(sql: string, ...values: number[]): readonly Row[] {
    return readable(() => this.#reader.prepare(sql).all(...values));
  }

  #writable(): OpenWriteSide {
    return writable(this.#write);
  }
}

// One statement, so that all of it is of one moment, whatever a gateway appends meanwhile. Numbers that SQLite holds and
// JavaScript does not are left out or held down to the largest that both know, because somebody may have put them there.
const contentsSql = `
  WITH largest (n) AS (VALUES (?)), head AS (
    SELECT size, frontier, max(-1, min(epoch, n)) AS epoch, max(-1, min(open_from, n)) AS open_from
    FROM log_head, largest WHERE size BETWEEN 0 AND n
  )
  SELECT head.*,
    (SELECT coalesce(max(idx), -1) FROM entries, largest WHERE idx BETWEEN 0 AND n - 1) AS last,
    (SELECT count(*) FROM entries WHERE idx < 0) AS below,
    (SELECT count(*) FROM entries WHERE idx >= head.size) AS beyond,
    (SELECT count(*) FROM entry_ids) AS ids
  FROM (SELECT 1) LEFT JOIN head
`;

/** Says of a damaged database in words what it is. */
function readable<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (fault) {
    // Node's own, for a number that JavaScript does not hold.
    const why = fault instanceof RangeError ? "it holds numbers that no log has" : databaseFault(fault);
    if (why === null) throw fault;
    throw new LogUnavailableError(`the database cannot be read: ${why}`, { cause: fault });
  }
}

function storedEntry(row: Row): StoredEntry {
  return { index: integer(row, "idx"), leaf: blob(row, "leaf") };
}

function checkpointOf(row: Row | null): StoredCheckpoint | null {
  if (row === null) return null;
  return {
    size: integer(row, "size"),
    // A database of the first version, open for reading only, has no times.
    time: "made_at" in row ? integer(row, "made_at") : 0,
    root: blob(row, "root"),
    note: text(row, "note"),
    frontier: unpackHashes(row["frontier"]),
  };
}
