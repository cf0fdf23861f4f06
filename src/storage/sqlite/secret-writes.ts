// Changes of sealed secrets. Each commits together with its entry of the trail.

import type { EncodedEntry } from "../../core/entry.ts";
import type { SealedSecret, SealedSecretStore } from "../../credentials/sealed-secret-store.ts";
import type { Writing } from "./writing.ts";

export class SecretWrites implements Pick<SealedSecretStore, "put" | "destroy"> {
  readonly #writing: Writing;

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  put(secret: SealedSecret, entry: EncodedEntry): Promise<boolean> {
    const { database, writer, appender } = this.#writing;
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
    const { database, writer, appender, wal } = this.#writing;
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
}
