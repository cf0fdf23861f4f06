// API keys on PostgreSQL. Each change commits together with its entry of the trail, and other gateways are told of it.

import type { EncodedEntry } from "../../core/entry.ts";
import type { KeptApiKey, KeyEnd, KeyStore } from "../../identity/key-store.ts";
import { apiKeyOf, apiKeyValues } from "../rows/api-key-row.ts";
import type { PostgresReader } from "./reader.ts";
import type { WriteTransaction } from "./write-transaction.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresKeyStore implements KeyStore {
  readonly #reader: PostgresReader;
  readonly #writer: PostgresWriter;

  constructor(reader: PostgresReader, writer: PostgresWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async list(): Promise<readonly KeptApiKey[]> {
    const rows = await this.#reader.rows('SELECT * FROM api_keys ORDER BY created_at, id COLLATE "C"');
    return rows.map(apiKeyOf);
  }

  create(key: KeptApiKey, entry: EncodedEntry): Promise<void> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      await insert(transaction, key);
      transaction.append([entry]);
      await transaction.tell("keys");
    });
  }

  rotate(old: KeyEnd, successor: KeptApiKey, entries: readonly EncodedEntry[]): Promise<boolean> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      const changed = await transaction.change(
        `UPDATE api_keys SET expires_at = $1, mac = $2
         WHERE id = $3 AND mac = $4 AND revoked_at IS NULL AND expires_at IS NULL`,
        [old.at, old.to, old.id, old.from],
      );
      if (changed !== 1) return false;
      await insert(transaction, successor);
      transaction.append(entries);
      await transaction.tell("keys");
      return true;
    });
  }

  revoke(end: KeyEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      const changed = await transaction.change(
        "UPDATE api_keys SET revoked_at = $1, mac = $2 WHERE id = $3 AND mac = $4 AND revoked_at IS NULL",
        [end.at, end.to, end.id, end.from],
      );
      if (changed !== 1) return false;
      transaction.append([entry]);
      await transaction.tell("keys");
      return true;
    });
  }
}

async function insert(transaction: WriteTransaction, key: KeptApiKey): Promise<void> {
  await transaction.change(
    "INSERT INTO api_keys VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    apiKeyValues(key),
  );
}
