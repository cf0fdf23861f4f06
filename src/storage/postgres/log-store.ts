// The log on PostgreSQL.

import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import type {
  AppendReceipt,
  IdRecord,
  LogContents,
  LogIdentity,
  LogStore,
  StoredCheckpoint,
  StoredEntry,
  TileHash,
} from "../../audit/log-store.ts";
import type { PeerStore } from "../../audit/peer-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { writable } from "../read-only.ts";
import { unpackHashes } from "../rows/packed-hashes.ts";
import { blob, integer, type Row, text } from "../rows/row.ts";
import { tileHashOf } from "../rows/tile-hash-rows.ts";
import { checkpointOf, putCheckpoint, putCosigned } from "./checkpoints.ts";
import { type Instances, lostHead } from "./instances.ts";
import type { PostgresReader } from "./reader.ts";
import { putTileHashes } from "./tile-hashes.ts";
import { isUuid } from "./write-transaction.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

const maxBatch = 10_000;
const maxCheckpoints = 1_000;

/** `write` is null on a database that is open for reading only. */
export interface WriteSide {
  readonly writer: PostgresWriter;
  readonly instances: Instances;
}

export class PostgresLogStore implements LogStore {
  readonly #reader: PostgresReader;
  readonly #write: WriteSide | null;
  #hasTileHashes = false;

  constructor(reader: PostgresReader, write: WriteSide | null) {
    this.#reader = reader;
    this.#write = write;
  }

  get peers(): PeerStore | null {
    return this.#write?.instances ?? null;
  }

  async identity(): Promise<LogIdentity | null> {
    return identityOf(await this.#get("SELECT origin, vkey FROM log_identity"));
  }

  async create(identity: LogIdentity): Promise<void> {
    await this.#writable().writer.write(jobKinds.alone, async (transaction) => {
      await transaction.change("INSERT INTO log_identity VALUES (true, $1, $2) ON CONFLICT DO NOTHING", [
        identity.origin,
        identity.vkey,
      ]);
      const named = identityOf((await transaction.rows("SELECT origin, vkey FROM log_identity"))[0] ?? null);
      if (named?.origin !== identity.origin || named.vkey !== identity.vkey) {
        throw new OperatorError(
          "another gateway has begun this log, under another key; give this one a copy of its `keys`",
        );
      }
    });
  }

  takeOver(instance: string): Promise<number> {
    return this.#writable().instances.takeOver(instance);
  }

  async head(): Promise<LogHead> {
    const row = await this.#get("SELECT size, frontier FROM log_head");
    if (row === null) throw lostHead();
    return { size: integer(row, "size"), frontier: unpackHashes(blob(row, "frontier")) };
  }

  append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    return this.#writable().writer.write(jobKinds.entries, (transaction) => transaction.append(entries));
  }

  async read(from: number, to: number): Promise<readonly StoredEntry[]> {
    const rows = await this.#reader.rows(
      "SELECT idx, leaf FROM entries WHERE idx >= $1 AND idx < $2 ORDER BY idx LIMIT $3",
      [from, to, maxBatch],
    );
    return rows.map(storedEntry);
  }

  async tileHashes(level: number, from: number, to: number): Promise<readonly TileHash[]> {
    if (!(await this.#keepsTileHashes())) return [];
    const rows = await this.#reader.rows(
      "SELECT idx, hash FROM tile_hashes WHERE level = $1 AND idx >= $2 AND idx < $3 ORDER BY idx LIMIT $4",
      [level, from, to, maxBatch],
    );
    return rows.map((row) => tileHashOf(level, row));
  }

  async countTileHashes(level: number, to: number): Promise<number> {
    if (!(await this.#keepsTileHashes())) return 0;
    const counted = await this.#get(
      "SELECT count(*) AS count FROM tile_hashes WHERE level = $1 AND idx < $2",
      [level, to],
    );
    return integer(counted, "count");
  }

  putTileHashes(hashes: readonly TileHash[]): Promise<void> {
    const { writer } = this.#writable();
    return writer.write(jobKinds.rows, (transaction) => putTileHashes(transaction, hashes));
  }

  async byId(id: string): Promise<StoredEntry | null> {
    if (!isUuid(id)) return null;
    const row = await this.#get("SELECT idx, leaf FROM entries WHERE id = $1", [id]);
    return row === null ? null : storedEntry(row);
  }

  async salt(entryId: string): Promise<Uint8Array | null> {
    if (!isUuid(entryId)) return null;
    const row = await this.#get("SELECT salt FROM salts WHERE id = $1", [entryId]);
    return row === null ? null : blob(row, "salt");
  }

  async putCheckpoint(checkpoint: StoredCheckpoint): Promise<void> {
    const { writer } = this.#writable();
    await writer.write(jobKinds.rows, (transaction) => putCheckpoint(transaction, writer.epoch, checkpoint));
  }

  async latestCheckpoint(): Promise<StoredCheckpoint | null> {
    return checkpointOf(await this.#get("SELECT * FROM checkpoints ORDER BY size DESC LIMIT 1"));
  }

  async putCosigned(size: number, note: string, meetsQuorum: boolean): Promise<void> {
    await this.#writable().writer.write(jobKinds.rows, (transaction) =>
      putCosigned(transaction, size, note, meetsQuorum),
    );
  }

  async witnessedCheckpoint(): Promise<StoredCheckpoint | null> {
    return checkpointOf(
      await this.#get("SELECT * FROM checkpoints WHERE witnessed ORDER BY size DESC LIMIT 1"),
    );
  }

  async checkpointAt(size: number): Promise<StoredCheckpoint | null> {
    return checkpointOf(await this.#get("SELECT * FROM checkpoints WHERE size = $1", [size]));
  }

  async checkpointAtOrBelow(size: number): Promise<StoredCheckpoint | null> {
    return checkpointOf(
      await this.#get("SELECT * FROM checkpoints WHERE size <= $1 ORDER BY size DESC LIMIT 1", [size]),
    );
  }

  async keptCheckpoints(after: number): Promise<readonly StoredCheckpoint[]> {
    const rows = await this.#reader.rows("SELECT * FROM checkpoints WHERE size > $1 ORDER BY size LIMIT $2", [
      after,
      maxCheckpoints,
    ]);
    return rows.flatMap((row) => checkpointOf(row) ?? []);
  }

  async contents(): Promise<LogContents> {
    const row = await this.#get(contentsSql, [Number.MAX_SAFE_INTEGER]);
    const head =
      typeof row?.["size"] === "number"
        ? {
            size: row["size"],
            frontier: unpackHashes(blob(row, "frontier")),
            epoch: integer(row, "epoch"),
            openFrom: integer(row, "open_from"),
          }
        : null;
    return {
      head,
      end: integer(row, "last") + 1,
      strayEntries: integer(row, "stray"),
      ids: integer(row, "ids"),
    };
  }

  async recordsOf(ids: readonly string[]): Promise<readonly IdRecord[]> {
    const known = ids.filter(isUuid);
    const rows = await this.#reader.rows(
      `SELECT id::text, idx, salt FROM unnest($1::uuid[]) AS asked (id)
       LEFT JOIN entries USING (id) LEFT JOIN salts USING (id)`,
      [known],
    );
    const found = new Map(rows.map((row) => [text(row, "id"), row]));
    return ids.map((id) => recordOf(found.get(id) ?? null));
  }

  async openFrom(): Promise<number> {
    const row = await this.#get(`SELECT ${openFromSql} AS open_from FROM log_head`);
    if (row === null) throw lostHead();
    return integer(row, "open_from");
  }

  async setOpenFrom(index: number): Promise<void> {
    const { writer } = this.#writable();
    await writer.write(jobKinds.rows, async (transaction) => {
      await transaction.change("UPDATE instances SET open_from = $2 WHERE epoch = $1", [writer.epoch, index]);
    });
  }

  stop(why: string): void {
    this.#writable().writer.stop(why);
  }

  async upkeep(): Promise<string | null> {
    return null;
  }

  /** A database from before, open for reading only, has no table for them. */
  async #keepsTileHashes(): Promise<boolean> {
    this.#hasTileHashes ||=
      this.#write !== null ||
      (await this.#get("SELECT 1 WHERE to_regclass('portcullis.tile_hashes') IS NOT NULL")) !== null;
    return this.#hasTileHashes;
  }

  async #get(sql: string, values: readonly unknown[] = []): Promise<Row | null> {
    return (await this.#reader.rows(sql, values))[0] ?? null;
  }

  #writable(): WriteSide {
    return writable(this.#write);
  }
}

// Where each instance that may have left something open says that recovery has to start; when there is none, everything in
// the log has ended.
const openFromSql =
  "coalesce((SELECT min(open_from) FROM instances WHERE settled_at IS NULL), log_head.size)";

// One statement, so that all of it is of one moment, whatever gateways append meanwhile. Numbers that PostgreSQL holds and
// JavaScript does not are left out or held down to the largest that both know, because somebody may have put them there.
const contentsSql = `
  WITH largest (n) AS (VALUES ($1::bigint)), head AS (
    SELECT size, frontier, greatest(-1, least(epoch, n)) AS epoch, greatest(-1, least(${openFromSql}, n)) AS open_from
    FROM log_head, largest WHERE size BETWEEN 0 AND n
  )
  SELECT head.*,
    (SELECT coalesce(max(idx), -1) FROM entries, largest WHERE idx BETWEEN 0 AND n - 1) AS last,
    (SELECT count(*) FROM entries WHERE idx < 0 OR idx >= head.size) AS stray,
    (SELECT count(*) FROM entries) AS ids
  FROM (VALUES (true)) AS one LEFT JOIN head ON true
`;

function identityOf(row: Row | null): LogIdentity | null {
  return row === null ? null : { origin: text(row, "origin"), vkey: text(row, "vkey") };
}

function storedEntry(row: Row): StoredEntry {
  return { index: integer(row, "idx"), leaf: blob(row, "leaf") };
}

function recordOf(row: Row | null): IdRecord {
  if (row === null) return { index: null, salt: null };
  const { idx, salt } = row;
  // A number that no log has leads nowhere.
  const index = idx === null ? null : typeof idx === "number" && idx >= 0 ? idx : -1;
  return { index, salt: salt === null ? null : blob(row, "salt") };
}
