// Where operators' tokens are kept: hashes only, and pseudonyms in place of names. Implemented by storage/.

import type { EncodedEntry } from "../core/entry.ts";

/** A person's token. Each invitation makes one; the one with the highest serial is the person's. */
export interface OperatorTokenRecord {
  /** `op_<uuidv7>`. */
  readonly id: string;
  /** Pseudonym of the person: who it is says the erasable store. */
  readonly person: string;
  /** Counts the person's invitations, from 1. */
  readonly serial: number;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  /** First characters of the token, to recognise it by. */
  readonly hint: string;
  /** Milliseconds since the epoch, here and below. */
  readonly createdAt: number;
  /** Actor id of who invited. */
  readonly createdBy: string;
  readonly expiresAt: number | null;
  /** When the person was removed or invited again. */
  readonly revokedAt: number | null;
}

/** A record as it is kept, with what shows that it was written by us (`token-guard.ts`). */
export interface KeptOperatorToken extends OperatorTokenRecord {
  readonly mac: string;
}

/** The end that a kept token is given, with the MAC that it had and the one that it has from then on. */
export interface OperatorTokenEnd {
  readonly id: string;
  readonly at: number;
  readonly from: string;
  readonly to: string;
}

/**
 * Why the token in the gateway's own file gives no vote any more. `unknown_use`: the log was begun by a version that did
 * not note which providers were used.
 */
export type BootstrapEnd = "operator_invited" | "provider_used" | "unknown_use";

export interface OperatorStore {
  /** All tokens, oldest first, those that have ended too. */
  list(): Promise<readonly KeptOperatorToken[]>;

  /**
   * Stores a token, ends those of the same person that it replaces, and ends the vote of the gateway's own token, with the
   * entry, in one transaction. False, and nothing stored, when the person has a token of this serial already: of two who
   * invite the same person at once one does. Of those to be replaced, one that was changed meanwhile (its MAC is not
   * `from`) stays as it is.
   */
  invite(
    token: KeptOperatorToken,
    replaced: readonly OperatorTokenEnd[],
    entry: EncodedEntry,
  ): Promise<boolean>;

  /**
   * Ends a person's token, with its entry, in one transaction. False when it is unknown, was changed meanwhile (its MAC is
   * not `from`), or has been ended.
   */
  remove(end: OperatorTokenEnd, entry: EncodedEntry): Promise<boolean>;

  /** Why the gateway's own token gives no vote, or null. */
  bootstrapEnd(): Promise<BootstrapEnd | null>;

  /** Ends that vote for good. Whatever ended it first is kept. */
  endBootstrap(why: BootstrapEnd): Promise<void>;
}
