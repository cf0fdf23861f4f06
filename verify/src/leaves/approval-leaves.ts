// What entries about approvals say: who was asked to sign off what, what they were shown, how they voted, and what was
// handed on because of it. Frozen with the rest of leaf-schema.ts, which they are a part of.

import { z } from "zod";
import {
  commitment,
  common,
  count,
  effect,
  hex32,
  ordinal,
  policies,
  reasons,
  rfc3339,
  text,
} from "./leaf-parts.ts";

/** A revision of an approval. The digest is over all that its approvers decide on. */
const revision = { approval: text(64), revision: ordinal, digest: hex32 };

const names = z.array(text(64)).min(1).max(32);

/** The sign-offs that are needed, each with the number of operators who have to approve. */
const required = z
  .array(z.strictObject({ name: text(64), quorum: ordinal }))
  .min(1)
  .max(32);

/** What holds this revision, under which policies, until when it can be decided, and for how long it can be used then. */
const held = {
  required,
  policies,
  reasons,
  policy_revision: hex32,
  expires: rfc3339,
  /** Milliseconds from when all that waits with it is decided; logs from before this was recorded leave it out. */
  use_within_ms: count.exactOptional(),
};

const approvalRequested = z.strictObject({
  ...common,
  ...revision,
  ...held,
  type: z.literal("approval.requested"),
  call: text(64),
  /** What waits together: it is decided as a whole, and released as a whole. */
  hold: text(64),
  kind: z.enum(["call", "action"]),
  /** That of its `action.decided`; null for a call. */
  action: text(64).nullable(),
  application: text(64),
  groups: z.array(text(64)),
  user: text(64).nullable(),
  /** Null for a call. */
  tool: text(256).nullable(),
  /** `provider/model` that a call would go to; null for an action. */
  target: text(320).nullable(),
  effect: effect.nullable(),
  /** Digest of the definition the client offered, or null when the tool was not offered. */
  tool_digest: text(80).nullable(),
  /** To an action's arguments or a call's body. */
  bytes: commitment,
});

const approvalViewed = z.strictObject({
  ...common,
  ...revision,
  type: z.literal("approval.viewed"),
  /** SHA-256 of the view as it was shown. */
  shown: hex32,
});

const approvalVoted = z.strictObject({
  ...common,
  ...revision,
  type: z.literal("approval.voted"),
  decision: z.enum(["approve", "reject"]),
  /** Those it counts for. */
  sign_offs: names,
  /** How the operator was authenticated. */
  method: z.enum(["bootstrap", "token", "passkey", "session"]),
  reason: commitment.nullable(),
  /** After this vote. */
  state: z.enum(["pending", "approved", "rejected"]),
  /** By which policy let the operator vote. */
  policies,
  policy_revision: hex32,
  signature: text(1024).nullable(),
  /** Earlier votes of people who may not give these sign-offs any more: their places are free. Left out when there are none. */
  not_counted: z
    .array(z.strictObject({ operator: text(64), sign_offs: names }))
    .min(1)
    .exactOptional(),
});

/** Somebody tried to change an approval who may not, or too late. Nothing changed. */
const approvalVoteRefused = z.strictObject({
  ...common,
  type: z.literal("approval.vote_refused"),
  approval: text(64),
  revision: ordinal,
  decision: z.enum(["approve", "reject", "edit", "cancel", "revoke"]),
  /** Reason code. */
  refused: text(64),
  policies,
  /** Null when policy was not asked. */
  policy_revision: hex32.nullable(),
});

/** The bytes were changed, and votes start over. */
const approvalEdited = z.strictObject({
  ...common,
  ...revision,
  ...held,
  type: z.literal("approval.edited"),
  previous: z.strictObject({ revision: ordinal, digest: hex32 }),
  bytes: commitment,
});

/** Nothing is released under this revision from here on. */
const approvalClosed = z.strictObject({
  ...common,
  ...revision,
  type: z.literal("approval.closed"),
  state: z.enum(["rejected", "expired", "cancelled", "superseded", "lapsed", "revoked", "stale"]),
  reason: commitment.nullable(),
});

const approvalReleased = z.strictObject({
  ...common,
  ...revision,
  type: z.literal("approval.released"),
  hold: text(64),
  /** That asked for it, and that gets it. */
  call: text(64),
  released_to: text(64),
  action: text(64).nullable(),
  /** Above 1: the same bytes once more, to a retry. */
  delivery: ordinal,
  /** `votes`: distinct operators who approved. */
  given: z
    .array(z.strictObject({ name: text(64), quorum: ordinal, votes: count }))
    .min(1)
    .max(32),
  /** Of the policies that were asked again. */
  policy_revision: hex32,
});

const operatorInvited = z.strictObject({
  ...common,
  type: z.literal("operator.invited"),
  /** Pseudonym. */
  operator: text(64),
  expires: rfc3339.nullable(),
});

const operatorRemoved = z.strictObject({
  ...common,
  type: z.literal("operator.removed"),
  operator: text(64),
});

export const approvalLeaves = [
  approvalRequested,
  approvalViewed,
  approvalVoted,
  approvalVoteRefused,
  approvalEdited,
  approvalClosed,
  approvalReleased,
  operatorInvited,
  operatorRemoved,
] as const;
