// What the desk needs of the rest of the gateway; src/wiring brings it.

import type { EncodedEntry } from "../core/entry.ts";
import type { DeterminingPolicy } from "../core/refusal.ts";
import type { Result } from "../core/result.ts";
import type { Approval, Hold, SignOffNeeded, Vote } from "./approval.ts";
import type { ApprovalState } from "./approval-states.ts";
import type { ApprovalCaps } from "./approval-store.ts";

/** Who decides. */
export interface Voter {
  /** As the config's groups and sign-offs name them. */
  readonly name: string;
  readonly method: Vote["method"];
  readonly sourceAddress: string;
}

export interface SignOffTerms {
  readonly quorum: number;
  readonly decideWithinMs: number;
  readonly useWithinMs: number;
}

/** How policy rules on a vote, or on bytes that were edited. */
export interface Ruling {
  readonly outcome: "permit" | "hold" | "deny";
  readonly policies: readonly DeterminingPolicy[];
  readonly signOffs: readonly string[];
  readonly revision: string;
  /** What is wrong, in words, or null. */
  readonly detail: string | null;
}

/** What counts as described of an edit. */
export interface DescribedEdit {
  readonly ruling: Ruling;
  readonly question: string;
  readonly labels: readonly string[];
}

/** The config and the policies of this moment. */
export interface ApprovalRules {
  readonly caps: ApprovalCaps;
  /** How long what is over is kept, or null for ever. */
  readonly keepDecidedMs: number | null;
  /** Null when it is declared no more. */
  terms(signOff: string): SignOffTerms | null;
  isApprover(signOff: string, operator: string): boolean;
  /** Whether who voted is still somebody who may: not one who was removed since. By pseudonym. */
  stands(voter: string, method: Vote["method"]): boolean;
  /** Why this operator cannot vote on anything, or null. */
  mayVote(voter: Voter): Promise<string | null>;
  /** `Action::"approve"`, for one sign-off. */
  mayApprove(voter: Voter, approval: Approval, signOff: string, facts: VoteFacts): Ruling;
  /** Describes and decides the bytes anew. `fail` says why they cannot be described. */
  describeEdit(approval: Approval, question: string, bytes: string): Result<DescribedEdit, string>;
}

/** What of an earlier vote does not count any more. */
export interface FallenVote {
  /** Pseudonym. */
  readonly voter: string;
  readonly signOffs: readonly string[];
}

/** Names, as policies know people by. */
export interface VoteFacts {
  readonly requesters: readonly string[];
  readonly editors: readonly string[];
}

/** Seals under a subject's key, bound to a place. */
export interface Vault {
  seal(subject: string, place: readonly string[], bytes: Uint8Array): Promise<Uint8Array>;
  /** Null when the subject was erased, or it was sealed elsewhere or changed. */
  open(subject: string, place: readonly string[], sealed: Uint8Array): Promise<Uint8Array | null>;
}

/** Who ends an approval. */
export type Ender =
  | { readonly kind: "operator"; readonly id: string }
  | { readonly kind: "application"; readonly id: string }
  | { readonly kind: "gateway" };

/** The entries of the trail. Each throws when the trail takes none. */
export interface ApprovalEntries {
  /** The id under which an operator is on record. */
  operatorId(name: string): string | Promise<string>;
  /** `digest` is asked for the digest once the commitment to the bytes is known. */
  requested(asked: AskedApproval, bytes: string, digest: (bytes: string) => string): Asked;
  edited(
    edited: AskedApproval & { readonly previous: Pick<Approval, "revision" | "digest"> },
    bytes: string,
    digest: (bytes: string) => string,
    operator: string,
  ): Asked;
  viewed(approval: Approval, shown: string, operator: string): EncodedEntry;
  voted(
    approval: Approval,
    vote: Vote,
    said: {
      readonly reason: string | null;
      readonly state: ApprovalState;
      readonly ruling: Ruling;
      /** Of earlier votes, what was not counted with this one. */
      readonly fallen: readonly FallenVote[];
    },
    subject: string,
  ): EncodedEntry;
  voteRefused(
    approval: Pick<Approval, "id" | "revision">,
    refused: {
      readonly decision: "approve" | "reject" | "edit" | "cancel" | "revoke";
      readonly reason: string;
      readonly ruling: Ruling | null;
    },
    operator: string,
  ): EncodedEntry;
  closed(approval: Approval, by: Ender, reason: string | null, subject: string): EncodedEntry;
  released(approval: Approval, release: ReleaseFacts): EncodedEntry;
}

export interface AskedApproval
  extends Pick<
    Approval,
    | "id"
    | "revision"
    | "hold"
    | "kind"
    | "call"
    | "action"
    | "application"
    | "groups"
    | "user"
    | "tool"
    | "target"
    | "effect"
    | "tool_digest"
    | "required"
    | "policies"
    | "policy_revision"
    | "expires_at"
    | "use_within_ms"
  > {
  readonly subject: string;
}

export interface Asked {
  readonly entry: EncodedEntry;
  readonly digest: string;
}

export interface ReleaseFacts {
  readonly releasedTo: string;
  readonly delivery: number;
  readonly given: readonly (SignOffNeeded & { readonly votes: number })[];
  readonly revision: string;
}

export interface DeskFaults {
  /** A hold was changed in the store, or cannot be opened. Never given contents. */
  damaged(hold: Pick<Hold, "id">, what: string): void;
  failed(what: string, fault: unknown): void;
}
