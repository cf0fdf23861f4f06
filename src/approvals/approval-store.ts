// Where holds and their approvals are kept. The store knows when things are due and which of two changes came first, and
// nothing of what they mean: that is in `record`, which it keeps as it is given. Implemented by storage/.

import type { EncodedEntry } from "../core/entry.ts";

/** One model turn, or one call, that waits: what is decided together and released together. */
export interface HoldRow {
  /** `hold_<uuidv7>`. */
  readonly id: string;
  /** Counts its changes, from 1. */
  readonly version: number;
  readonly call: string;
  readonly application: string;
  /** By which a retry of the same request finds it; hex. */
  readonly attachKey: string;
  /** Milliseconds since the epoch, by the store's clock, here and below. */
  readonly createdAt: number;
  /** When time alone changes something, or null. */
  readonly dueAt: number | null;
  /** From when on nothing can become of it and nobody can pick it up; null while something can. */
  readonly overAt: number | null;
  /** JSON. */
  readonly record: string;
  /** Over all that is kept of the hold, its approvals included. */
  readonly mac: string;
  /** Sealed. */
  readonly content: Uint8Array;
}

/** One revision of one approval. */
export interface ApprovalRow {
  /** `apr_<uuidv7>`; together with `revision` the key. */
  readonly id: string;
  /** 1, 2, … An edit adds one. */
  readonly revision: number;
  readonly hold: string;
  readonly state: string;
  /** Pseudonym, or null. */
  readonly user: string | null;
  readonly application: string;
  /** Hex. */
  readonly conversation: string;
  /** By which the same thing, asked for again, is recognised; hex. */
  readonly fingerprint: string;
  readonly createdAt: number;
  /** JSON. */
  readonly record: string;
  /** Sealed. */
  readonly content: Uint8Array;
}

/** Without its content: of many at once that can be more than there is memory. */
export type ListedRow = Omit<ApprovalRow, "content">;

export interface KeptHold {
  readonly hold: HoldRow;
  /** Every revision of every approval, by id and revision. Never empty. */
  readonly approvals: readonly ApprovalRow[];
}

export interface HoldChange {
  /** As it is from then on. Its `version` is one more than that of what was read. */
  readonly hold: HoldRow;
  /** Those that are new or changed, as they are from then on. */
  readonly approvals: readonly ApprovalRow[];
  /** The change is made only while the store's clock is at or after `from` and before `until`. */
  readonly from: number | null;
  readonly until: number | null;
  /** The change is made only while this policy revision is the active one; null where that does not matter. */
  readonly revision: string | null;
}

/** `raced`: somebody else has changed the hold since it was read. Whatever is not `changed` has changed nothing. */
export type ChangeOutcome = "changed" | "raced" | "too_early" | "too_late" | "policy_changed";

export interface ApprovalCaps {
  /** Approvals in the state `pending` that an application, and one user of it, may have. */
  readonly perApplication: number;
  readonly perUser: number;
}

export interface ApprovalQuery {
  /** Left out: all. */
  readonly states?: readonly string[];
  /** Only those with an id above this one. */
  readonly after?: string;
  /** At most 1,000. */
  readonly limit: number;
}

export interface ApprovalStore {
  /** Milliseconds since the epoch, by the clock that the changes go by. */
  now(): Promise<number>;

  /**
   * Stores a hold of version 1 and its approvals with their entries, in one transaction. `full`, and nothing stored, when
   * an application or user would have more pending approvals than the caps allow: counted in the same transaction, exact
   * also when many file at once.
   */
  file(
    hold: HoldRow,
    approvals: readonly ApprovalRow[],
    caps: ApprovalCaps,
    entries: readonly EncodedEntry[],
  ): Promise<"filed" | "full">;

  /** The hold as it is, or null. Hold and approvals are of one moment, here and below. */
  hold(id: string): Promise<KeptHold | null>;

  /** The hold of the approval with this id, or null. */
  holdOfApproval(id: string): Promise<KeptHold | null>;

  /** The newest hold with this attach key, or null. */
  holdByAttachKey(attachKey: string): Promise<KeptHold | null>;

  /**
   * Changes a hold with its entries, in one transaction, if it still has the version before: of two racing changes one
   * happens. The conditions on time and policy are looked at in that transaction.
   */
  change(change: HoldChange, entries: readonly EncodedEntry[]): Promise<ChangeOutcome>;

  /** The newest revision of each approval, oldest first. */
  list(query: ApprovalQuery): Promise<readonly ListedRow[]>;

  /**
   * Of an application's latest approvals, those with an id above `after`, newest first and at most 1,000: state and record of
   * their newest revisions.
   */
  recent(
    application: string,
    query: { readonly after: string; readonly limit: number },
  ): Promise<readonly Pick<ApprovalRow, "state" | "record">[]>;

  /** Ids of at most `limit` holds whose `dueAt` is at or before the store's clock, the longest due first. */
  due(limit: number): Promise<readonly string[]>;

  /**
   * Removes holds that have been over for at least `forMs` by the store's clock, with all their approvals, the longest over
   * first: as many as a short transaction takes, and each of them whole. Returns how many; 0 when none is left. The entries
   * stay.
   */
  removeOver(forMs: number): Promise<number>;

  /** States of the newest revisions of approvals in this conversation with this fingerprint, each once. */
  statesOf(conversation: string, fingerprint: string): Promise<readonly string[]>;
}
