// Growing the log.

import type {
  AppendReceipt,
  LogIdentity,
  LogStore,
  StoredCheckpoint,
  TileHash,
} from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { refuseStepBack } from "../rows/checkpoint-rules.ts";
import { packHashes } from "../rows/packed-hashes.ts";
import { blob, integer, rowOf } from "../rows/row.ts";
import { otherTileHash } from "../rows/tile-hash-rows.ts";
import { thinCheckpoints } from "./checkpoint-thinning.ts";
import type { Writing } from "./writing.ts";

export type LogWriting = Pick<
  LogStore,
  | "create"
  | "takeOver"
  | "append"
  | "putTileHashes"
  | "putCheckpoint"
  | "putCosigned"
  | "setOpenFrom"
  | "upkeep"
>;

export class LogWrites implements LogWriting {
  readonly #writing: Writing;

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  async create(identity: LogIdentity): Promise<void> {
    const { database, writer } = this.#writing;
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
    const { writer, appender } = this.#writing;
    return writer.writeUnfenced(() => appender.takeOver(instance));
  }

  append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    const { writer, appender } = this.#writing;
    return writer.write(() => appender.append(entries));
  }

  async putTileHashes(hashes: readonly TileHash[]): Promise<void> {
    const { database, writer } = this.#writing;
    const kept = database.prepare("SELECT hash FROM tile_hashes WHERE level = ? AND idx = ?");
    const insert = database.prepare("INSERT INTO tile_hashes VALUES (?, ?, ?)");
    await writer.write(() => {
      for (const one of hashes) {
        const row = rowOf(kept.get(one.level, one.index));
        if (row === null) insert.run(one.level, one.index, one.hash);
        else if (Buffer.compare(blob(row, "hash"), one.hash) !== 0) throw otherTileHash(one);
      }
    });
  }

  async putCheckpoint(checkpoint: StoredCheckpoint): Promise<void> {
    const { database, writer } = this.#writing;
    await writer.write(() => {
      const { size, root, note, frontier, time } = checkpoint;
      const last = rowOf(
        database.prepare("SELECT size, root, made_at FROM checkpoints ORDER BY size DESC LIMIT 1").get(),
      );
      refuseStepBack(last, checkpoint);
      database
        .prepare(
          `INSERT INTO checkpoints (size, root, note, frontier, made_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (size) DO UPDATE SET frontier = excluded.frontier, made_at = excluded.made_at,
             note = CASE witnessed WHEN 1 THEN note ELSE excluded.note END`,
        )
        .run(size, root, note, packHashes(frontier), time);
      if (last !== null) thinCheckpoints(database, integer(last, "made_at"), time);
    });
  }

  async putCosigned(size: number, note: string, meetsQuorum: boolean): Promise<void> {
    const { database, writer } = this.#writing;
    await writer.write(() => {
      database
        .prepare("UPDATE checkpoints SET note = ?, witnessed = ? WHERE size = ? AND witnessed <= ?")
        .run(note, Number(meetsQuorum), size, Number(meetsQuorum));
    });
  }

  async setOpenFrom(index: number): Promise<void> {
    const { database, writer } = this.#writing;
    await writer.write(() => {
      database.prepare("UPDATE log_head SET open_from = ?").run(index);
    });
  }

  async upkeep(): Promise<string | null> {
    return this.#writing.wal.upkeep();
  }
}
