// Pseudonyms: the trail names people and applications by random ids, and only the erasable store knows who they are. What
// the store finds is held against the name that was asked for: with two lookups exchanged, one person's calls would be on
// record as another's.

import { createHmac, hash } from "node:crypto";
import { BoundedCache } from "portcullis-verify/bounded-cache.ts";
import type { Clock } from "../core/clock.ts";
import { newId } from "../core/id.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { SecretValue } from "../core/secret-value.ts";
import type { DataKeys } from "./data-keys.ts";
import type { KeyCheckStore, PayloadStore, Subject, SubjectKind } from "./payload-store.ts";
import type { SealedPlace } from "./sealing-key.ts";

export interface SubjectsOptions {
  readonly store: PayloadStore;
  readonly dataKeys: DataKeys;
  /** 32 bytes; whoever has it can test whether a name is in the store. */
  readonly lookupKey: SecretValue;
  readonly clock: Clock;
}

const cacheLimit = 10_000;
/** Longer names are remembered by their hash, so that hostile ones do not fill memory. */
const longestCachedName = 128;

export class Subjects {
  readonly #options: SubjectsOptions;
  readonly #ids = new BoundedCache<string>(cacheLimit);
  readonly #underWay = new Map<string, Promise<string>>();

  constructor(options: SubjectsOptions) {
    this.#options = options;
  }

  /**
   * Pseudonym of a user: at once when met before, else when it is stored. Rejects when it cannot be stored, and when what
   * the store finds is not this user.
   */
  userId(name: string): string | Promise<string> {
    return this.#idOf("user", name);
  }

  applicationId(name: string): string | Promise<string> {
    return this.#idOf("application", name);
  }

  operatorId(name: string): string | Promise<string> {
    return this.#idOf("operator", name);
  }

  /** Who a pseudonym stands for; null when erased or unknown. Rejects when the stored name does not decrypt. */
  async nameOf(id: string): Promise<{ readonly kind: SubjectKind; readonly name: string } | null> {
    const subject = await this.#options.store.subjectById(id);
    return subject === null ? null : { kind: subject.kind, name: this.#nameIn(subject).toString("utf8") };
  }

  /** After an erasure: the next time the name is met it gets a new pseudonym. */
  forget(kind: SubjectKind, name: string): void {
    this.#ids.delete(cacheKey(kind, name));
  }

  #idOf(kind: SubjectKind, name: string): string | Promise<string> {
    const key = cacheKey(kind, name);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    const found = this.#findOrCreate(kind, name)
      .then((id) => {
        this.#ids.set(key, id);
        return id;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, found);
    return found;
  }

  async #findOrCreate(kind: SubjectKind, name: string): Promise<string> {
    const { store, dataKeys, clock } = this.#options;
    const lookup = this.#lookup(kind, name);
    const found = await store.subjectByLookup(lookup);
    if (found !== null) return this.#verified(found, kind, name);
    const id = newId("sub", clock.now());
    const { key, wrapped } = dataKeys.create(id);
    const sealedName = key.seal(namePlace(kind, id), Buffer.from(name));
    // Another process may have been faster; then its subject is the one.
    const stored = await store.ensureSubject({ id, kind, lookup, name: sealedName, wrappedKey: wrapped });
    return stored.id === id ? id : this.#verified(stored, kind, name);
  }

  /** Once for each name that is not cached, so a call pays for it only when its user was not met lately. */
  #verified(found: Subject, kind: SubjectKind, name: string): string {
    if (found.kind === kind && this.#nameIn(found).equals(Buffer.from(name))) return found.id;
    throw new Error(
      `subject ${found.id} was found under another's name: the data store was changed; restore it from its backup`,
    );
  }

  #nameIn(subject: Subject): Buffer {
    const { id, kind, name } = subject;
    const key = this.#options.dataKeys.unwrap(subject);
    const opened = key.unseal(namePlace(kind, id), name);
    if (opened === null) throw new Error(`the name of subject ${id} does not decrypt under its key`);
    return Buffer.from(opened);
  }

  /** HMAC-SHA256(lookup key, kind ‖ 0x00 ‖ name). A kind holds no zero byte, so the two cannot run into each other. */
  #lookup(kind: SubjectKind, name: string): Uint8Array {
    return this.#options.lookupKey.useBytes((key) =>
      createHmac("sha256", key).update(`${kind}\0`).update(name, "utf8").digest(),
    );
  }
}

const checkName = "subject-lookup-key";

/**
 * Throws `OperatorError` when this is not the key under which the names in the store are found: everybody would get a
 * second pseudonym, and an erasure would miss the first. What it is checked against is made on first start (`mayCreate`).
 * `place` is where the key was found, in words.
 */
export async function checkLookupKey(
  store: KeyCheckStore,
  lookupKey: SecretValue,
  place: string,
  mayCreate: boolean,
): Promise<void> {
  const ours = lookupKey.useBytes((key) =>
    // No kind of subject begins like this, so it is the lookup of nobody.
    createHmac("sha256", key).update("portcullis/subject-lookup-check/v1").digest(),
  );
  let kept = await store.keyCheck(checkName);
  if (kept === null && mayCreate) kept = await store.ensureKeyCheck(checkName, ours);
  if (kept === null) {
    throw new OperatorError(
      `the data store has lost what the key in ${place} is checked against; restore the data store from its backup`,
    );
  }
  if (ours.equals(kept)) return;
  throw new OperatorError(
    `the key in ${place} is not the one under which this data names people; put that one back from its backup, or restore the data that belongs to this one`,
  );
}

function cacheKey(kind: SubjectKind, name: string): string {
  return name.length <= longestCachedName ? `${kind}:${name}` : `${kind}#${hash("sha256", name, "hex")}`;
}

function namePlace(kind: SubjectKind, id: string): SealedPlace {
  return { label: "portcullis/subject-name/v1", parts: [kind, id] };
}
