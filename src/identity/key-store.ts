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

/** A record as it is kept, with what shows that it was written by us (`key-guard.ts`). */
export interface KeptApiKey extends ApiKeyRecord {
  readonly mac: string;
}

/** An end that a kept record is given, with the MAC that it had and the one that it has from then on. */
export interface KeyEnd {
  readonly id: string;
  readonly at: number;
  readonly from: string;
  readonly to: string;
}

export interface KeyStore {
  /** All keys, oldest first, the revoked and expired too. */
  list(): Promise<readonly KeptApiKey[]>;

  /** Stores a new key and its entry in one transaction. */
  create(key: KeptApiKey, entry: EncodedEntry): Promise<void>;

  /**
   * Stores the successor and sets the old key's end, with their entries, in one transaction. False, and nothing stored,
   * when the old key is unknown, was changed meanwhile (its MAC is not `from`), is revoked, or ends already: of two racing
   * rotations one wins.
   */
  rotate(old: KeyEnd, successor: KeptApiKey, entries: readonly EncodedEntry[]): Promise<boolean>;

  /**
   * Marks the key revoked, with its entry, in one transaction. False when it is unknown, was changed meanwhile (its MAC is
   * not `from`), or is revoked already.
   */
  revoke(end: KeyEnd, entry: EncodedEntry): Promise<boolean>;
}
