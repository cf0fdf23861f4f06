// Pseudonyms: the trail names people and applications by random ids, and only the erasable store knows who they are.

import { createHmac, hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { newId } from "../core/id.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { DataKeys } from "./data-keys.ts";
import type { PayloadStore, SubjectKind } from "./payload-store.ts";
import { type SealedPlace, seal, unseal } from "./sealed-bytes.ts";

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

  /** Pseudonym of a user: at once when met before, else when it is stored. Rejects when it cannot be stored. */
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
    if (subject === null) return null;
    const key = this.#options.dataKeys.unwrap(subject);
    const name = key.useBytes((bytes) => unseal(bytes, namePlace(subject.kind, id), subject.name));
    if (name === null) throw new Error(`the name of subject ${id} does not decrypt under its key`);
    return { kind: subject.kind, name: Buffer.from(name).toString("utf8") };
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
    if (found !== null) return found.id;
    const id = newId("sub", clock.now());
    const { key, wrapped } = dataKeys.create();
    const sealedName = key.useBytes((bytes) => seal(bytes, namePlace(kind, id), Buffer.from(name)));
    // Another process may have been faster; then its subject is the one.
    const stored = await store.ensureSubject({ id, kind, lookup, name: sealedName, wrappedKey: wrapped });
    return stored.id;
  }

  /** HMAC-SHA256(lookup key, kind ‖ 0x00 ‖ name). A kind holds no zero byte, so the two cannot run into each other. */
  #lookup(kind: SubjectKind, name: string): Uint8Array {
    return this.#options.lookupKey.useBytes((key) =>
      createHmac("sha256", key).update(`${kind}\0`).update(name, "utf8").digest(),
    );
  }
}

function cacheKey(kind: SubjectKind, name: string): string {
  return name.length <= longestCachedName ? `${kind}:${name}` : `${kind}#${hash("sha256", name, "hex")}`;
}

function namePlace(kind: SubjectKind, id: string): SealedPlace {
  return { label: "portcullis/subject-name/v1", parts: [kind, id] };
}
