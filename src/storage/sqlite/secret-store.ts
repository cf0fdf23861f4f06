// Sealed secrets on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type {
  SealedSecret,
  SealedSecretStore,
  SecretSummary,
} from "../../credentials/sealed-secret-store.ts";
import { blob, integer, rowOf, text } from "../rows/row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteSecretStore implements SealedSecretStore {
  readonly #reader: DatabaseSync;
  readonly #writes: WriteSide["secrets"];

  constructor(reader: DatabaseSync, writes: WriteSide["secrets"]) {
    this.#reader = reader;
    this.#writes = writes;
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
    return this.#writes.put(secret, entry);
  }

  destroy(name: string, entry: EncodedEntry): Promise<boolean> {
    return this.#writes.destroy(name, entry);
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
