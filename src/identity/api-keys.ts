// API keys: made, listed, rotated, revoked and recognised. Lookups are in memory and follow every change as it commits.

import type { EncodedEntry } from "../core/entry.ts";
import { newId } from "../core/id.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { hashApiKey, keyHint, newApiKey } from "./api-key.ts";
import { type FoundToken, KeptTokens, type TokenProtection } from "./kept-tokens.ts";
import type { ApiKeyRecord, KeptApiKey, KeyEnd, KeyStore } from "./key-store.ts";

export interface KeyEvents {
  /** The id under which whoever acts is on record. Rejects when it cannot be had: then nothing is changed. */
  actorId(name: string): string | Promise<string>;
  created(key: ApiKeyRecord, actor: string): EncodedEntry;
  rotated(key: ApiKeyRecord, successor: string, expiresAt: number, actor: string): EncodedEntry;
  revoked(key: ApiKeyRecord, actor: string): EncodedEntry;
}

export type KeyProtection = TokenProtection<ApiKeyRecord>;

export interface ListedKey extends ApiKeyRecord {
  /** The row was changed or added behind the gateway's back: it opens nothing, and is left as it is. */
  readonly damaged: boolean;
}

export interface NewKey {
  readonly record: ApiKeyRecord;
  /** Shown once; only its hash is kept. */
  readonly key: string;
}

export type KeyFailure =
  | { readonly reason: "unknown_application"; readonly application: string }
  | { readonly reason: "unknown_key"; readonly id: string }
  | { readonly reason: "ended"; readonly id: string }
  | { readonly reason: "damaged"; readonly id: string };

/** The applications that the config names now: a set, or a question to whoever knows. */
export type KnownApplications = Pick<ReadonlySet<string>, "has">;

type Found = FoundToken<ApiKeyRecord>;

const overlapMs = 24 * 3_600_000;

export class ApiKeys {
  readonly #store: KeyStore;
  readonly #events: KeyEvents;
  readonly #applications: KnownApplications;
  readonly #now: () => number;
  readonly #protection: KeyProtection;
  readonly #kept: KeptTokens<ApiKeyRecord>;

  private constructor(
    store: KeyStore,
    events: KeyEvents,
    applications: KnownApplications,
    now: () => number,
    protection: KeyProtection,
  ) {
    this.#store = store;
    this.#events = events;
    this.#applications = applications;
    this.#now = now;
    this.#protection = protection;
    this.#kept = new KeptTokens(() => store.list(), protection, now);
  }

  static async open(
    store: KeyStore,
    events: KeyEvents,
    applications: KnownApplications,
    now: () => number,
    protection: KeyProtection,
  ): Promise<ApiKeys> {
    const keys = new ApiKeys(store, events, applications, now, protection);
    await keys.refresh();
    return keys;
  }

  /** The key's record while it is valid. */
  lookup(key: string): ApiKeyRecord | null {
    return this.#kept.byHash(hashApiKey(key));
  }

  /** The record of a key by its id, while it is valid. */
  valid(id: string): ApiKeyRecord | null {
    for (const record of this.#kept.intact()) if (record.id === id) return this.#kept.byHash(record.hash);
    return null;
  }

  /** Others may have changed them: what is kept now is in force from now on. Rejects when it cannot be read. */
  async refresh(): Promise<void> {
    await this.#kept.refresh();
  }

  /** All keys, the ended and damaged ones too, oldest first. What it says of a key holds for calls from then on. */
  list(): Promise<readonly ListedKey[]> {
    return this.#kept.refresh();
  }

  /** `actor` is the operator's name, here and below. */
  async create(application: string, actor: string): Promise<Result<NewKey, KeyFailure>> {
    if (!this.#applications.has(application)) return fail({ reason: "unknown_application", application });
    const by = await this.#events.actorId(actor);
    const made = this.#make(application, by);
    await this.#store.create(this.#withMac(made.record), this.#events.created(made.record, by));
    await this.#kept.refresh();
    return ok(made);
  }

  /** A successor; the old key stays valid for 24 hours, so that clients can move over. */
  async rotate(id: string, actor: string): Promise<Result<NewKey, KeyFailure>> {
    const by = await this.#events.actorId(actor);
    const old = await this.#find(id);
    if (!old.ok) return old;
    const made = this.#make(old.value.application, by);
    const expiresAt = this.#now() + overlapMs;
    const end = this.#end(old.value, { ...old.value, expiresAt }, expiresAt);
    const rotated = await this.#store.rotate(end, this.#withMac(made.record), [
      this.#events.rotated(old.value, made.record.id, expiresAt, by),
      this.#events.created(made.record, by),
    ]);
    await this.#kept.refresh();
    return rotated ? ok(made) : fail({ reason: "ended", id });
  }

  async revoke(id: string, actor: string): Promise<Result<ApiKeyRecord, KeyFailure>> {
    const by = await this.#events.actorId(actor);
    // The second time for a key that was rotated between reading it and revoking it. It cannot be rotated again.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const found = await this.#find(id);
      if (!found.ok) return found;
      const revokedAt = this.#now();
      const end = this.#end(found.value, { ...found.value, revokedAt }, revokedAt);
      const revoked = await this.#store.revoke(end, this.#events.revoked(found.value, by));
      await this.#kept.refresh();
      if (revoked) return ok(found.value);
    }
    return fail({ reason: "ended", id });
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

  #withMac(record: ApiKeyRecord): KeptApiKey {
    return { ...record, mac: this.#macOf(record) };
  }

  #end(before: KeptApiKey, after: ApiKeyRecord, at: number): KeyEnd {
    return { id: before.id, at, from: before.mac, to: this.#macOf(after) };
  }

  #macOf(record: ApiKeyRecord): string {
    return this.#protection.guard.macOf(record);
  }

  /** Nothing of a damaged row may get on record, so such a key can be neither rotated nor revoked. */
  async #find(id: string): Promise<Result<Found, KeyFailure>> {
    const found = (await this.#kept.refresh()).find((record) => record.id === id);
    if (found === undefined) return fail({ reason: "unknown_key", id });
    return found.damaged ? fail({ reason: "damaged", id }) : ok(found);
  }
}
