// API keys on SQLite. Each change commits together with its entry of the trail.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type { KeptApiKey, KeyEnd, KeyStore } from "../../identity/key-store.ts";
import type { LogAppender } from "./log-appender.ts";
import { integer, integerOrNull, text } from "./row.ts";
import type { SqliteWriter } from "./writer.ts";

export class SqliteKeyStore implements KeyStore {
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

  async list(): Promise<readonly KeptApiKey[]> {
    const rows = this.#reader.prepare("SELECT * FROM api_keys ORDER BY created_at, id").all();
    return rows.map((row) => ({
      id: text(row, "id"),
      application: text(row, "application"),
      hash: text(row, "hash"),
      hint: text(row, "hint"),
      createdAt: integer(row, "created_at"),
      createdBy: text(row, "created_by"),
      expiresAt: integerOrNull(row, "expires_at"),
      revokedAt: integerOrNull(row, "revoked_at"),
      mac: text(row, "mac"),
    }));
  }

  create(key: KeptApiKey, entry: EncodedEntry): Promise<void> {
    return this.#writer.write(() => {
      this.#insert(key);
      this.#appender.append([entry]);
    });
  }

  rotate(old: KeyEnd, successor: KeptApiKey, entries: readonly EncodedEntry[]): Promise<boolean> {
    return this.#writer.write(() => {
      const { changes } = this.#database
        .prepare(
          "UPDATE api_keys SET expires_at = ?, mac = ? WHERE id = ? AND mac = ? AND revoked_at IS NULL AND expires_at IS NULL",
        )
        .run(old.at, old.to, old.id, old.from);
      if (changes !== 1) return false;
      this.#insert(successor);
      this.#appender.append(entries);
      return true;
    });
  }

  revoke(end: KeyEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writer.write(() => {
      const { changes } = this.#database
        .prepare(
          "UPDATE api_keys SET revoked_at = ?, mac = ? WHERE id = ? AND mac = ? AND revoked_at IS NULL",
        )
        .run(end.at, end.to, end.id, end.from);
      if (changes !== 1) return false;
      this.#appender.append([entry]);
      return true;
    });
  }

  #insert(key: KeptApiKey): void {
    this.#database
      .prepare("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        key.id,
        key.application,
        key.hash,
        key.hint,
        key.createdAt,
        key.createdBy,
        key.expiresAt,
        key.revokedAt,
        key.mac,
      );
  }
}
