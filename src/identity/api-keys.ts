// API keys: made, listed, rotated, revoked and recognised. Lookups are in memory and follow every change as it commits.

import type { EncodedEntry } from "../core/entry.ts";
import { newId } from "../core/id.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { hashApiKey, keyHint, newApiKey } from "./api-key.ts";
import type { ApiKeyRecord, KeyStore } from "./key-store.ts";

export interface KeyEvents {
  created(key: ApiKeyRecord, actor: string): EncodedEntry;
  rotated(key: ApiKeyRecord, successor: string, expiresAt: number, actor: string): EncodedEntry;
  revoked(key: ApiKeyRecord, actor: string): EncodedEntry;
}

export interface NewKey {
  readonly record: ApiKeyRecord;
  /** Shown once; only its hash is kept. */
  readonly key: string;
}

export type KeyFailure =
  | { readonly reason: "unknown_application"; readonly application: string }
  | { readonly reason: "unknown_key"; readonly id: string }
  | { readonly reason: "ended"; readonly id: string };

/** The applications that the config names now: a set, or a question to whoever knows. */
export type KnownApplications = Pick<ReadonlySet<string>, "has">;

const overlapMs = 24 * 3_600_000;

export class ApiKeys {
  readonly #store: KeyStore;
  readonly #events: KeyEvents;
  readonly #applications: KnownApplications;
  readonly #now: () => number;
  readonly #byHash = new Map<string, ApiKeyRecord>();

  private constructor(
    store: KeyStore,
    events: KeyEvents,
    applications: KnownApplications,
    now: () => number,
  ) {
    this.#store = store;
    this.#events = events;
    this.#applications = applications;
    this.#now = now;
  }

  static async open(
    store: KeyStore,
    events: KeyEvents,
    applications: KnownApplications,
    now: () => number,
  ): Promise<ApiKeys> {
    const keys = new ApiKeys(store, events, applications, now);
    await keys.#refresh();
    return keys;
  }

  /** The key's record while it is valid. */
  lookup(key: string): ApiKeyRecord | null {
    const record = this.#byHash.get(hashApiKey(key));
    if (record === undefined || record.revokedAt !== null) return null;
    return record.expiresAt !== null && record.expiresAt <= this.#now() ? null : record;
  }

  list(): Promise<readonly ApiKeyRecord[]> {
    return this.#store.list();
  }

  async create(application: string, actor: string): Promise<Result<NewKey, KeyFailure>> {
    if (!this.#applications.has(application)) return fail({ reason: "unknown_application", application });
    const made = this.#make(application, actor);
    await this.#store.create(made.record, this.#events.created(made.record, actor));
    await this.#refresh();
    return ok(made);
  }

  /** A successor; the old key stays valid for 24 hours, so that clients can move over. */
  async rotate(id: string, actor: string): Promise<Result<NewKey, KeyFailure>> {
    const old = await this.#find(id);
    if (old === null) return fail({ reason: "unknown_key", id });
    const made = this.#make(old.application, actor);
    const expiresAt = this.#now() + overlapMs;
    const rotated = await this.#store.rotate({ id, expiresAt }, made.record, [
      this.#events.rotated(old, made.record.id, expiresAt, actor),
      this.#events.created(made.record, actor),
    ]);
    await this.#refresh();
    return rotated ? ok(made) : fail({ reason: "ended", id });
  }

  async revoke(id: string, actor: string): Promise<Result<ApiKeyRecord, KeyFailure>> {
    const record = await this.#find(id);
    if (record === null) return fail({ reason: "unknown_key", id });
    const revoked = await this.#store.revoke(id, this.#now(), this.#events.revoked(record, actor));
    await this.#refresh();
    return revoked ? ok(record) : fail({ reason: "ended", id });
  }

  #make(application: string, actor: string): NewKey {
    const key = newApiKey();
    const createdAt = this.#now();
    const record: ApiKeyRecord = {
      id: newId("key", createdAt),
      application,
      hash: hashApiKey(key),
      hint: keyHint(key),
      createdAt,
      createdBy: actor,
      expiresAt: null,
      revokedAt: null,
    };
    return { record, key };
  }

  async #find(id: string): Promise<ApiKeyRecord | null> {
    return (await this.#store.list()).find((record) => record.id === id) ?? null;
  }

  async #refresh(): Promise<void> {
    const records = await this.#store.list();
    this.#byHash.clear();
    for (const record of records) this.#byHash.set(record.hash, record);
  }
}
