// Sealed secrets on SQLite. Each change commits together with its entry of the trail.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type {
  SealedSecret,
  SealedSecretStore,
  SecretSummary,
} from "../../credentials/sealed-secret-store.ts";
import type { WriteSide } from "./log-store.ts";
import { blob, integer, rowOf, text } from "./row.ts";

export class SqliteSecretStore implements SealedSecretStore {
  readonly #write: WriteSide;
  readonly #reader: DatabaseSync;

  constructor(reader: DatabaseSync, write: WriteSide) {
    this.#reader = reader;
    this.#write = write;
  }

  async newest(name: string): Promise<SealedSecret | null> {
    const row = rowOf(
      this.#reader.prepare("SELECT * FROM secrets WHERE name = ? ORDER BY version DESC LIMIT 1").get(name),
    );
    if (row === null || row["destroyed"] !== 0) return null;
    return {
      name: text(row, "name"),
      version: integer(row, "version"),
      keyId: text(row, "key_id"),
      wrappedKey: blob(row, "wrapped_key"),
      ciphertext: blob(row, "ciphertext"),
      createdAt: integer(row, "created_at"),
    };
  }

  async nextVersion(name: string): Promise<number> {
    const row = rowOf(
      this.#reader.prepare("SELECT coalesce(max(version), 0) AS v FROM secrets WHERE name = ?").get(name),
    );
    return integer(row, "v") + 1;
  }

  put(secret: SealedSecret, entry: EncodedEntry): Promise<boolean> {
    const { database, writer, appender } = this.#write;
    return writer.write(() => {
      const { changes } = database
        .prepare("INSERT INTO secrets VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING")
        .run(
          secret.name,
          secret.version,
          secret.keyId,
          secret.wrappedKey,
          secret.ciphertext,
          secret.createdAt,
        );
      if (changes !== 1) return false;
      appender.append([entry]);
      return true;
    });
  }

  /** The rows stay, emptied, so that version numbers are never used twice; `secure_delete` overwrites the old bytes. */
  async destroy(name: string, entry: EncodedEntry): Promise<boolean> {
    const { database, writer, appender, wal } = this.#write;
    const destroyed = await writer.write(() => {
      const { changes } = database
        .prepare(
          "UPDATE secrets SET wrapped_key = x'', ciphertext = x'', destroyed = 1 WHERE name = ? AND destroyed = 0",
        )
        .run(name);
      if (changes === 0) return false;
      appender.append([entry]);
      return true;
    });
    // The write-ahead log still has the old bytes.
    if (destroyed) wal.empty();
    return destroyed;
  }

  async list(): Promise<readonly SecretSummary[]> {
    const rows = this.#reader
      .prepare(
        "SELECT name, max(version) AS version, created_at FROM secrets WHERE destroyed = 0 GROUP BY name ORDER BY name",
      )
      .all();
    return rows.map((row) => ({
      name: text(row, "name"),
      version: integer(row, "version"),
      createdAt: integer(row, "created_at"),
    }));
  }
}
