// A hold and its approvals as the desk works with them, and the shape in which they are kept.

import { z } from "zod";
import type { ApprovalState } from "./approval-states.ts";
import type { ApprovalRow, HoldRow } from "./approval-store.ts";

const signOffNeeded = z.strictObject({ name: z.string(), quorum: z.int().min(1) });
const policy = z.strictObject({ id: z.string(), reason: z.string() });

const vote = z.strictObject({
  /** Pseudonym of the operator. */
  voter: z.string(),
  decision: z.enum(["approve", "reject"]),
  /** Those that it may count for; it counts for one of them. */
  sign_offs: z.array(z.string()),
  method: z.enum(["bootstrap", "token", "passkey", "session"]),
  /** Milliseconds since the epoch, here and below. */
  at: z.int(),
});

export const approvalRecord = z.strictObject({
  v: z.literal(1),
  kind: z.enum(["call", "action"]),
  call: z.string(),
  /** The `act_…` of its decision, or null for a call. */
  action: z.string().nullable(),
  choice: z.int(),
  position: z.int(),
  tool: z.string().nullable(),
  target: z.string().nullable(),
  effect: z.enum(["read", "write"]).nullable(),
  tool_digest: z.string().nullable(),
  groups: z.array(z.string()),
  labels: z.array(z.string()),
  /** SHA-256, hex, of all that is signed off: see digest.ts. */
  digest: z.string(),
  required: z.array(signOffNeeded).min(1),
  policies: z.array(policy),
  policy_revision: z.string(),
  expires_at: z.int(),
  use_within_ms: z.int(),
  decided_at: z.int().nullable(),
  votes: z.array(vote),
  /** Pseudonyms of operators who wrote this revision's bytes; whoever made this revision of those before is the last. */
  editors: z.array(z.string()),
  /** Pseudonym of the operator who made the key that asked, or null. */
  key_creator: z.string().nullable(),
  /** Pseudonym of the operator who took it back. */
  revoked_by: z.string().optional(),
  /** Why it became stale, in words. */
  stale_because: z.string().optional(),
  /** How often it was given to a client; left out until then. */
  deliveries: z.int().optional(),
});

export const holdRecord = z.strictObject({
  v: z.literal(1),
  /** Pseudonym under whose key its contents are sealed. */
  subject: z.string(),
  conversation: z.string(),
  /** Of what was asked; hex. */
  request: z.string(),
  user: z.string().nullable(),
  endpoint: z.enum(["chat", "embeddings"]),
  /** Until when what was approved may be released; null until all is decided. */
  usable_until: z.int().nullable(),
  /** How often it was given to a client. */
  deliveries: z.int(),
  /** The instance on which a client waits for it, or null. */
  attended: z.string().nullable(),
  /** Whether a client has all of it: then a retry of its request is a call of its own. */
  delivered: z.boolean(),
  /** Choices that later messages picked up, and have: others may come for the rest. */
  delivered_choices: z.array(z.int()).optional(),
  /** The approval that the request went out under, whose answer this is; left out where it needed none. */
  under: z.string().optional(),
});

/** What is sealed of an approval. */
export const approvalContent = z.strictObject({
  /** The very bytes to be signed off, as text: a tool call's arguments, or a request's body. */
  bytes: z.string(),
  /** What policy was asked; for the gateway to ask again. */
  question: z.string(),
  /** Names of those who must not decide, because they ask. */
  requesters: z.array(z.string()),
  /** What voters said, and who made this revision of another or took it back, by their pseudonyms. */
  reasons: z.record(z.string(), z.string()),
});

export type SignOffNeeded = z.output<typeof signOffNeeded>;
export type Vote = z.output<typeof vote>;
export type ApprovalRecord = z.output<typeof approvalRecord>;
export type HoldRecord = z.output<typeof holdRecord>;
export type ApprovalContent = z.output<typeof approvalContent>;

export interface Approval
  extends Pick<
      ApprovalRow,
      "id" | "revision" | "hold" | "application" | "user" | "conversation" | "fingerprint" | "createdAt"
    >,
    Readonly<ApprovalRecord> {
  readonly state: ApprovalState;
  readonly sealed: Uint8Array;
}

/** As a list has it. */
export type ListedApproval = Omit<Approval, "sealed">;

export interface Hold
  extends Pick<HoldRow, "id" | "version" | "call" | "application" | "attachKey" | "createdAt">,
    Readonly<HoldRecord> {
  /** Every revision of every approval, by id and revision. */
  readonly approvals: readonly Approval[];
  readonly sealed: Uint8Array;
}

/** The newest revision of each approval, in the order in which they were asked for. */
export function current(hold: Hold): readonly Approval[] {
  const newest = new Map<string, Approval>();
  for (const approval of hold.approvals) {
    const known = newest.get(approval.id);
    if (known === undefined || known.revision < approval.revision) newest.set(approval.id, approval);
  }
  return [...newest.values()];
}

/** Whether everything in it is decided, so that it can go on. */
export function isSettled(hold: Hold): boolean {
  return current(hold).every(({ state }) => state !== "pending");
}

/** Until when a retry can still learn what became of it. */
export function joinableUntil(hold: Hold): number {
  if (hold.usable_until !== null) return hold.usable_until;
  return Math.max(
    ...current(hold).map(
      ({ decided_at, expires_at, use_within_ms }) => (decided_at ?? expires_at) + use_within_ms,
    ),
  );
}
