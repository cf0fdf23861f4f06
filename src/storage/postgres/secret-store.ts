// Sealed secrets on PostgreSQL. Each change commits together with its entry of the trail, and other gateways are told of it.

import type { EncodedEntry } from "../../core/entry.ts";
import type {
  SealedSecret,
  SealedSecretStore,
  SecretSummary,
} from "../../credentials/sealed-secret-store.ts";
import { blob, integer, text } from "../rows/row.ts";
import type { PostgresReader } from "./reader.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresSecretStore implements SealedSecretStore {
  readonly #reader: PostgresReader;
  readonly #writer: PostgresWriter;

  constructor(reader: PostgresReader, writer: PostgresWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async newest(name: string): Promise<SealedSecret | null> {
    const [row] = await this.#reader.rows(
      "SELECT * FROM secrets WHERE name = $1 ORDER BY version DESC LIMIT 1",
      [name],
    );
    if (row === undefined || row["destroyed"] !== false) return null;
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
    const [row] = await this.#reader.rows(
      "SELECT coalesce(max(version), 0) AS highest FROM secrets WHERE name = $1",
      [name],
    );
    return integer(row ?? null, "highest") + 1;
  }

  put(secret: SealedSecret, entry: EncodedEntry): Promise<boolean> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      const changed = await transaction.change(
        "INSERT INTO secrets VALUES ($1, $2, $3, $4, $5, $6, false) ON CONFLICT DO NOTHING",
        [
          secret.name,
          secret.version,
          secret.keyId,
          Buffer.from(secret.wrappedKey),
          Buffer.from(secret.ciphertext),
          secret.createdAt,
        ],
      );
      if (changed !== 1) return false;
      transaction.append([entry]);
      await transaction.tell("secrets");
      return true;
    });
  }

  /** The rows stay, emptied, so that version numbers are never used twice. The server's own copies are its affair. */
  destroy(name: string, entry: EncodedEntry): Promise<boolean> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      const changed = await transaction.change(
        "UPDATE secrets SET wrapped_key = '', ciphertext = '', destroyed = true WHERE name = $1 AND NOT destroyed",
        [name],
      );
      if (changed === 0) return false;
      transaction.append([entry]);
      await transaction.tell("secrets");
      return true;
    });
  }

  async list(): Promise<readonly SecretSummary[]> {
    const rows = await this.#reader.rows(
      `SELECT DISTINCT ON (name COLLATE "C") name, version, created_at FROM secrets
       WHERE NOT destroyed ORDER BY name COLLATE "C", version DESC`,
    );
    return rows.map((row) => ({
      name: text(row, "name"),
      version: integer(row, "version"),
      createdAt: integer(row, "created_at"),
    }));
  }
}
