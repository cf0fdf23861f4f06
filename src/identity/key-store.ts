// Where API keys are kept: hashes only, never a key. Implemented by storage/.

import type { EncodedEntry } from "../core/entry.ts";

export interface ApiKeyRecord {
  /** `key_<uuidv7>`. */
  readonly id: string;
  readonly application: string;
  /** SHA-256 of the key, hex. A key holds 256 random bits, so a slow hash would add nothing. */
  readonly hash: string;
  /** First characters of the key, to recognise it by. */
  readonly hint: string;
  /** Milliseconds since the epoch, here and below. */
  readonly createdAt: number;
  /** Actor id of who created it. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

export interface KeyStore {
  /** All keys, oldest first, the revoked and expired too. */
  list(): Promise<readonly ApiKeyRecord[]>;

  /** Stores a new key and its entry in one transaction. */
  create(key: ApiKeyRecord, entry: EncodedEntry): Promise<void>;

  /**
   * Stores the successor and sets the old key's end, with their entries, in one transaction.
   * False, and nothing stored, when the old key is unknown, revoked, or ends already (so of two racing rotations one wins).
   */
  rotate(
    old: { readonly id: string; readonly expiresAt: number },
    successor: ApiKeyRecord,
    entries: readonly EncodedEntry[],
  ): Promise<boolean>;

  /** Marks the key revoked, with its entry, in one transaction. False when it is unknown or revoked already. */
  revoke(id: string, at: number, entry: EncodedEntry): Promise<boolean>;
}
