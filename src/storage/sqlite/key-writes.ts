// Changes of API keys. Each commits together with its entry of the trail.

import type { EncodedEntry } from "../../core/entry.ts";
import type { KeptApiKey, KeyEnd, KeyStore } from "../../identity/key-store.ts";
import { apiKeyValues } from "../rows/api-key-row.ts";
import type { Writing } from "./writing.ts";

export class KeyWrites implements Pick<KeyStore, "create" | "rotate" | "revoke"> {
  readonly #writing: Writing;

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  create(key: KeptApiKey, entry: EncodedEntry): Promise<void> {
    return this.#writing.writer.write(() => {
      this.#insert(key);
      this.#writing.appender.append([entry]);
    });
  }

  rotate(old: KeyEnd, successor: KeptApiKey, entries: readonly EncodedEntry[]): Promise<boolean> {
    return this.#writing.writer.write(() => {
      const { changes } = this.#writing.database
        .prepare(
          "UPDATE api_keys SET expires_at = ?, mac = ? WHERE id = ? AND mac = ? AND revoked_at IS NULL AND expires_at IS NULL",
        )
        .run(old.at, old.to, old.id, old.from);
      if (changes !== 1) return false;
      this.#insert(successor);
      this.#writing.appender.append(entries);
      return true;
    });
  }

  revoke(end: KeyEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writing.writer.write(() => {
      const { changes } = this.#writing.database
        .prepare(
          "UPDATE api_keys SET revoked_at = ?, mac = ? WHERE id = ? AND mac = ? AND revoked_at IS NULL",
        )
        .run(end.at, end.to, end.id, end.from);
      if (changes !== 1) return false;
      this.#writing.appender.append([entry]);
      return true;
    });
  }

  #insert(key: KeptApiKey): void {
    this.#writing.database
      .prepare("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(...apiKeyValues(key));
  }
}
