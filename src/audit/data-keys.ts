// One data key for each subject: erasing it makes all that was encrypted under it unreadable. It is wrapped together with
// the subject's id: under another subject's key, erasing one of the two would take the wrong payload or leave it readable.

import { randomBytes } from "node:crypto";
import { BoundedCache } from "portcullis-verify/bounded-cache.ts";
import type { KeyWrapper } from "./key-wrapper.ts";
import type { PayloadStore, Subject } from "./payload-store.ts";
import { SealingKey } from "./sealing-key.ts";

/** A new key and the form in which it is stored: length of the key id (1 byte) ‖ key id ‖ wrap( key ‖ subject id ). */
export interface NewDataKey {
  readonly key: SealingKey;
  readonly wrapped: Uint8Array;
}

const keyBytes = 32;

export class DataKeys {
  readonly #store: Pick<PayloadStore, "subjectById">;
  readonly #wrapper: KeyWrapper;
  readonly #cache = new BoundedCache<SealingKey>(10_000);

  constructor(store: Pick<PayloadStore, "subjectById">, wrapper: KeyWrapper) {
    this.#store = store;
    this.#wrapper = wrapper;
  }

  create(subjectId: string): NewDataKey {
    const bytes = randomBytes(keyBytes);
    const keyId = Buffer.from(this.#wrapper.keyId);
    const wrapped = this.#wrapper.wrap(Buffer.concat([bytes, Buffer.from(subjectId)]));
    return {
      key: new SealingKey(bytes),
      wrapped: Buffer.concat([Buffer.from([keyId.length]), keyId, wrapped]),
    };
  }

  /** Null when the subject was erased or never was. Rejects when its key does not unwrap, or is another subject's. */
  async of(subjectId: string): Promise<SealingKey | null> {
    const cached = this.#cache.get(subjectId);
    if (cached !== undefined) return cached;
    const subject = await this.#store.subjectById(subjectId);
    if (subject === null) return null;
    const key = this.unwrap(subject);
    this.#cache.set(subjectId, key);
    return key;
  }

  /** Throws when the key does not unwrap, or is another subject's. */
  unwrap(subject: Subject): SealingKey {
    const wrapped = Buffer.from(subject.wrappedKey);
    const end = 1 + (wrapped[0] ?? 0);
    const keyId = wrapped.toString("utf8", 1, end);
    if (keyId !== this.#wrapper.keyId) {
      throw new Error(
        `the key of subject ${subject.id} is wrapped under \`${keyId}\`, not \`${this.#wrapper.keyId}\``,
      );
    }
    const opened = this.#open(subject.id, wrapped.subarray(end));
    if (opened.toString("utf8", keyBytes) !== subject.id) {
      throw new Error(`the key kept for subject ${subject.id} is another subject's`);
    }
    return new SealingKey(opened.subarray(0, keyBytes));
  }

  #open(subjectId: string, wrapped: Uint8Array): Buffer {
    try {
      return Buffer.from(this.#wrapper.unwrap(wrapped));
    } catch (cause) {
      const { keyId } = this.#wrapper;
      throw new Error(`the key of subject ${subjectId} does not open under \`${keyId}\``, { cause });
    }
  }

  /** After an erasure. */
  forget(subjectId: string): void {
    this.#cache.delete(subjectId);
  }
}
