// One data key for each subject: erasing it makes all that was encrypted under it unreadable.

import { randomBytes } from "node:crypto";
import { SecretValue } from "../core/secret-value.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { KeyWrapper } from "./key-wrapper.ts";
import type { PayloadStore, Subject } from "./payload-store.ts";

/** A new key and the form in which it is stored: length of the key id (1 byte) ‖ key id ‖ wrapped key. */
export interface NewDataKey {
  readonly key: SecretValue;
  readonly wrapped: Uint8Array;
}

export class DataKeys {
  readonly #store: Pick<PayloadStore, "subjectById">;
  readonly #wrapper: KeyWrapper;
  readonly #cache = new BoundedCache<SecretValue>(10_000);

  constructor(store: Pick<PayloadStore, "subjectById">, wrapper: KeyWrapper) {
    this.#store = store;
    this.#wrapper = wrapper;
  }

  create(): NewDataKey {
    const bytes = randomBytes(32);
    const keyId = Buffer.from(this.#wrapper.keyId);
    const wrapped = Buffer.concat([Buffer.from([keyId.length]), keyId, this.#wrapper.wrap(bytes)]);
    return { key: new SecretValue(bytes), wrapped };
  }

  /** Null when the subject was erased or never was. Rejects when its key was wrapped under another key than ours. */
  async of(subjectId: string): Promise<SecretValue | null> {
    const cached = this.#cache.get(subjectId);
    if (cached !== undefined) return cached;
    const subject = await this.#store.subjectById(subjectId);
    if (subject === null) return null;
    const key = this.unwrap(subject);
    this.#cache.set(subjectId, key);
    return key;
  }

  unwrap(subject: Subject): SecretValue {
    const wrapped = Buffer.from(subject.wrappedKey);
    const end = 1 + (wrapped[0] ?? 0);
    const keyId = wrapped.toString("utf8", 1, end);
    if (keyId !== this.#wrapper.keyId) {
      throw new Error(
        `the key of subject ${subject.id} is wrapped under \`${keyId}\`, not \`${this.#wrapper.keyId}\``,
      );
    }
    return new SecretValue(this.#wrapper.unwrap(wrapped.subarray(end)));
  }

  /** After an erasure. */
  forget(subjectId: string): void {
    this.#cache.delete(subjectId);
  }
}
