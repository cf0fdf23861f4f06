// The embedded secret store: each version of a secret under a data key of its own, wrapped by the key-encryption key, with
// everything that names it bound in, so that a row moved to another place does not open.

import { randomBytes } from "node:crypto";
import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import { type KeyEncryptionKey, seal, unseal } from "./kek.ts";
import type { SealedSecret, SealedSecretStore, SecretSummary } from "./sealed-secret-store.ts";

export interface SecretEvents {
  /** The id under which whoever acts is on record. Rejects when it cannot be had: then nothing is changed. */
  actorId(name: string): string | Promise<string>;
  set(secret: string, version: number, actor: string): EncodedEntry;
  destroyed(secret: string, version: number, actor: string): EncodedEntry;
}

export type SecretFailure =
  | { readonly reason: "absent"; readonly name: string }
  | { readonly reason: "conflict"; readonly name: string }
  /** Wrapped under another key, or changed since it was written. */
  | { readonly reason: "sealed"; readonly name: string };

export class EmbeddedSecretStore {
  readonly #rows: SealedSecretStore;
  readonly #kek: KeyEncryptionKey;
  readonly #events: SecretEvents;
  readonly #now: () => number;
  readonly #opened = new Map<string, SecretValue>();
  #forgotten = 0;

  constructor(rows: SealedSecretStore, kek: KeyEncryptionKey, events: SecretEvents, now: () => number) {
    this.#rows = rows;
    this.#kek = kek;
    this.#events = events;
    this.#now = now;
  }

  /** Others may have changed them: from now on they are read anew. */
  forget(): void {
    this.#forgotten += 1;
    this.#opened.clear();
  }

  async get(name: string): Promise<Result<SecretValue, SecretFailure>> {
    const known = this.#opened.get(name);
    if (known !== undefined) return ok(known);
    const forgotten = this.#forgotten;
    const row = await this.#rows.newest(name);
    if (row === null) return fail({ reason: "absent", name });
    try {
      const dataKey = this.#kek.unwrap(row.wrappedKey);
      const value = new SecretValue(unseal(dataKey, row.ciphertext, context(row)));
      if (forgotten === this.#forgotten) this.#opened.set(name, value);
      return ok(value);
    } catch {
      return fail({ reason: "sealed", name });
    }
  }

  /** `actor` is the operator's name, here and below. */
  async put(name: string, value: SecretValue, actor: string): Promise<Result<number, SecretFailure>> {
    const actorId = await this.#events.actorId(actor);
    const version = await this.#rows.nextVersion(name);
    const dataKey = randomBytes(32);
    const named = { name, version, keyId: this.#kek.keyId };
    const row: SealedSecret = {
      ...named,
      wrappedKey: this.#kek.wrap(dataKey),
      ciphertext: value.useBytes((bytes) => seal(dataKey, bytes, context(named))),
      createdAt: this.#now(),
    };
    const stored = await this.#rows.put(row, this.#events.set(name, version, actorId));
    this.#forgotten += 1;
    this.#opened.delete(name);
    return stored ? ok(version) : fail({ reason: "conflict", name });
  }

  async destroy(name: string, actor: string): Promise<Result<null, SecretFailure>> {
    const actorId = await this.#events.actorId(actor);
    const newest = await this.#rows.newest(name);
    if (newest === null) return fail({ reason: "absent", name });
    const destroyed = await this.#rows.destroy(name, this.#events.destroyed(name, newest.version, actorId));
    this.#forgotten += 1;
    this.#opened.delete(name);
    return destroyed ? ok(null) : fail({ reason: "absent", name });
  }

  list(): Promise<readonly SecretSummary[]> {
    return this.#rows.list();
  }
}

function context(secret: {
  readonly name: string;
  readonly version: number;
  readonly keyId: string;
}): string {
  return JSON.stringify(["portcullis secret v1", "embedded", secret.name, secret.version, secret.keyId]);
}
