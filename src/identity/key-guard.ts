// What shows that a kept API key was written by the gateway: somebody who can write the database could otherwise add a key,
// or take back the end of one, and leave no trace.
//
// A row carries a MAC under a key that is not in the data folder. That does not keep anybody from putting back a row as it
// was before its key was revoked, MAC and all; so the ends of keys are also kept in a file beside the other keys, and what
// ended once does not live again.

import { createHmac } from "node:crypto";
import { z } from "zod";
import { readTextFile, replaceFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { SecretValue } from "../core/secret-value.ts";
import type { ApiKeyRecord, KeptApiKey } from "./key-store.ts";

const endsSchema = z.record(z.string(), z.int());

export class KeyGuard {
  readonly #macKey: SecretValue;
  readonly #path: string;
  /** Milliseconds since the epoch by key id: the earliest end that the key was ever given. */
  readonly #ends: Map<string, number>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(macKey: SecretValue, path: string, ends: Map<string, number>) {
    this.#macKey = macKey;
    this.#path = path;
    this.#ends = ends;
  }

  /** `path` is the file of ends, made when a key first ends. Throws `OperatorError` when it cannot be read as one. */
  static async open(macKey: SecretValue, path: string): Promise<KeyGuard> {
    const text = await readTextFile(path);
    return new KeyGuard(macKey, path, new Map(Object.entries(text === null ? {} : parseEnds(text, path))));
  }

  /** HMAC-SHA256, hex, over everything that is kept of a key. */
  macOf(record: ApiKeyRecord): string {
    const { id, application, hash, hint, createdAt, createdBy, expiresAt, revokedAt } = record;
    const fields = [id, application, hash, hint, createdAt, createdBy, expiresAt, revokedAt];
    const text = JSON.stringify(["portcullis/api-key/v1", ...fields]);
    return this.#macKey.useBytes((key) => createHmac("sha256", key).update(text).digest("hex"));
  }

  /** Whether the gateway wrote this, and has not ended the key earlier than it says. */
  isIntact(kept: KeptApiKey): boolean {
    return kept.mac === this.macOf(kept) && endOf(kept) <= (this.#ends.get(kept.id) ?? Infinity);
  }

  /**
   * Keeps the ends of these, which must be intact. Called after they are committed: a crash in between leaves them to the
   * next start, where they still say that they ended.
   */
  async remember(kept: readonly ApiKeyRecord[]): Promise<void> {
    let isNew = false;
    for (const record of kept) {
      const end = endOf(record);
      if (end >= (this.#ends.get(record.id) ?? Infinity)) continue;
      this.#ends.set(record.id, end);
      isNew = true;
    }
    if (isNew) this.#writing = this.#writing.catch(() => {}).then(() => this.#write());
    await this.#writing;
  }

  /** Together with what others wrote there meanwhile. */
  async #write(): Promise<void> {
    const text = await readTextFile(this.#path);
    for (const [id, end] of Object.entries(text === null ? {} : parseEnds(text, this.#path))) {
      this.#ends.set(id, Math.min(end, this.#ends.get(id) ?? Infinity));
    }
    await replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(this.#ends), null, 2)}\n`, 0o600);
  }
}

function endOf({ expiresAt, revokedAt }: ApiKeyRecord): number {
  return Math.min(expiresAt ?? Infinity, revokedAt ?? Infinity);
}

function parseEnds(text: string, path: string): z.output<typeof endsSchema> {
  try {
    return endsSchema.parse(JSON.parse(text));
  } catch {
    throw new OperatorError(
      `\`${path}\` does not hold the ends of API keys; put it back from its backup, because keys that it says have ended would be valid again`,
    );
  }
}
