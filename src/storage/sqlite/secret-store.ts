// Sealed secrets on SQLite. Each change commits together with its entry of the trail.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type {
  SealedSecret,
  SealedSecretStore,
  SecretSummary,
} from "../../credentials/sealed-secret-store.ts";
import type { LogAppender } from "./log-appender.ts";
import { blob, integer, rowOf, text } from "./row.ts";
import type { SqliteWriter } from "./writer.ts";

export class SqliteSecretStore implements SealedSecretStore {
  readonly #database: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #writer: SqliteWriter;
  readonly #appender: LogAppender;

  constructor(database: DatabaseSync, reader: DatabaseSync, writer: SqliteWriter, appender: LogAppender) {
    this.#database = database;
    this.#reader = reader;
    this.#writer = writer;
    this.#appender = appender;
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
    return this.#writer.write(() => {
      const { changes } = this.#database
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
      this.#appender.append([entry]);
      return true;
    });
  }

  /** The rows stay, emptied, so that version numbers are never used twice; `secure_delete` overwrites the old bytes. */
  async destroy(name: string, entry: EncodedEntry): Promise<boolean> {
    const destroyed = await this.#writer.write(() => {
      const { changes } = this.#database
        .prepare(
          "UPDATE secrets SET wrapped_key = x'', ciphertext = x'', destroyed = 1 WHERE name = ? AND destroyed = 0",
        )
        .run(name);
      if (changes === 0) return false;
      this.#appender.append([entry]);
      return true;
    });
    // The write-ahead log still has the old bytes. While somebody reads the database they stay until its next
    // checkpoint; that makes the secret no less destroyed.
    if (destroyed) this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
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
