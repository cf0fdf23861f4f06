// API keys on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type { KeptApiKey, KeyEnd, KeyStore } from "../../identity/key-store.ts";
import { apiKeyOf } from "../rows/api-key-row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteKeyStore implements KeyStore {
  readonly #reader: DatabaseSync;
  readonly #writes: WriteSide["keys"];

  constructor(reader: DatabaseSync, writes: WriteSide["keys"]) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async list(): Promise<readonly KeptApiKey[]> {
    const rows = this.#reader.prepare("SELECT * FROM api_keys ORDER BY created_at, id").all();
    return rows.map(apiKeyOf);
  }

  create(key: KeptApiKey, entry: EncodedEntry): Promise<void> {
    return this.#writes.create(key, entry);
  }

  rotate(old: KeyEnd, successor: KeptApiKey, entries: readonly EncodedEntry[]): Promise<boolean> {
    return this.#writes.rotate(old, successor, entries);
  }

  revoke(end: KeyEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writes.revoke(end, entry);
  }
}
