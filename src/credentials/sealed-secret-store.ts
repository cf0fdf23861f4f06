// Where the embedded secret store keeps its ciphertexts. It never sees a key or a plaintext. Implemented by storage/.

import type { EncodedEntry } from "../core/entry.ts";

/** One version of a secret, sealed as credentials.md says: data key per version, wrapped by the key-encryption key. */
export interface SealedSecret {
  /** For example `providers/openai`. */
  readonly name: string;
  /** 1, 2, … */
  readonly version: number;
  readonly keyId: string;
  readonly wrappedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly createdAt: number;
}

export interface SecretSummary {
  readonly name: string;
  readonly version: number;
  readonly createdAt: number;
}

export interface SealedSecretStore {
  /** The newest version, or null when there is none or it was destroyed. */
  newest(name: string): Promise<SealedSecret | null>;

  /** The number that the next version will have: one more than the highest ever used, the destroyed ones counted. */
  nextVersion(name: string): Promise<number>;

  /** Stores a version with its entry, in one transaction. False when that version exists already (compare-and-set). */
  put(secret: SealedSecret, entry: EncodedEntry): Promise<boolean>;

  /** Overwrites and removes every version's key and ciphertext, with the entry, in one transaction. False when there is nothing. */
  destroy(name: string, entry: EncodedEntry): Promise<boolean>;

  /** The newest version of each secret that is not destroyed, by name. */
  list(): Promise<readonly SecretSummary[]>;
}
