// What approvals look like on the trail.

import { hash } from "node:crypto";
import { commitment } from "portcullis-verify/leaves/commitment.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type {
  ApprovalEntries,
  AskedApproval,
  Ender,
  FallenVote,
  ReleaseFacts,
  Ruling,
} from "../approvals/ports.ts";
import { LogUnavailableError } from "../audit/log-store.ts";
import type { Subjects } from "../audit/subjects.ts";
import type { Trail } from "../audit/trail.ts";
import { rfc3339 } from "../core/clock.ts";
import type { EncodedEntry, EntrySalt } from "../core/entry.ts";
import type { DeterminingPolicy } from "../core/refusal.ts";

type Type = Extract<LeafBody["type"], `approval.${string}`>;

/** What a leaf can hold of these. */
const maxPolicies = 100;
const maxReasons = 16;

export function approvalEntries(trail: Trail, subjects: Pick<Subjects, "operatorId">): ApprovalEntries {
  // They commit in transactions of their own, past the trail: what it would not take must not happen there either.
  const entry = (body: LeafBody, salt: EntrySalt | null = null): EncodedEntry => {
    if (!trail.available) throw new LogUnavailableError("the trail takes no entries");
    return trail.encode(body, salt);
  };
  const operator = (id: string) => ({ kind: "operator" as const, id });
  const said = (type: Type, subject: string, reason: string | null) => {
    const salt = reason === null ? null : trail.newSalt(subject);
    const committed =
      salt === null || reason === null ? null : commitment(salt.bytes, type, "reason", reason);
    return { salt, reason: committed };
  };
  const committed = (type: Type, asked: AskedApproval, bytes: string) => {
    const salt = trail.newSalt(asked.subject);
    return { salt, bytes: commitment(salt.bytes, type, "bytes", hash("sha256", bytes, "buffer")) };
  };
  return {
    operatorId: (name) => subjects.operatorId(name),
    requested: (asked, text, digestFor) => {
      const { salt, bytes } = committed("approval.requested", asked, text);
      const digest = digestFor(bytes);
      const body: LeafBody<"approval.requested"> = {
        type: "approval.requested",
        actor: { kind: "application", id: asked.application },
        approval: asked.id,
        revision: asked.revision,
        digest,
        ...held(asked),
        call: asked.call,
        hold: asked.hold,
        kind: asked.kind,
        action: asked.action,
        application: asked.application,
        groups: [...asked.groups],
        user: asked.user,
        tool: asked.tool === null ? null : bounded(asked.tool, 256),
        target: asked.target,
        effect: asked.effect,
        tool_digest: asked.tool_digest,
        bytes,
      };
      return { entry: entry(body, salt), digest };
    },
    edited: (asked, text, digestFor, by) => {
      const { salt, bytes } = committed("approval.edited", asked, text);
      const digest = digestFor(bytes);
      const { revision, digest: before } = asked.previous;
      const body: LeafBody<"approval.edited"> = {
        type: "approval.edited",
        actor: operator(by),
        approval: asked.id,
        revision: asked.revision,
        digest,
        ...held(asked),
        previous: { revision, digest: before },
        bytes,
      };
      return { entry: entry(body, salt), digest };
    },
    viewed: (approval, shown, by) =>
      entry({ type: "approval.viewed", actor: operator(by), ...revisionOf(approval), shown }),
    voted: (approval, vote, { reason, state, ruling, fallen }, subject) => {
      const { salt, reason: committedReason } = said("approval.voted", subject, reason);
      if (state !== "pending" && state !== "approved" && state !== "rejected") {
        throw new Error(`no vote leads to ${state}`);
      }
      const body: LeafBody<"approval.voted"> = {
        type: "approval.voted",
        actor: operator(vote.voter),
        ...revisionOf(approval),
        decision: vote.decision,
        sign_offs: [...vote.sign_offs],
        method: vote.method,
        reason: committedReason,
        state,
        ...ruled(ruling),
        signature: null,
        ...(fallen.length === 0 ? {} : { not_counted: fallen.map(notCounted) }),
      };
      return entry(body, salt);
    },
    voteRefused: ({ id, revision }, { decision, reason, ruling }, by) =>
      entry({
        type: "approval.vote_refused",
        actor: operator(by),
        approval: id,
        revision,
        decision,
        refused: reason,
        policies: named(ruling?.policies ?? []),
        policy_revision: ruling?.revision ?? null,
      }),
    closed: (approval, by, reason, subject) => {
      const { salt, reason: committedReason } = said("approval.closed", subject, reason);
      const body: LeafBody<"approval.closed"> = {
        type: "approval.closed",
        actor: enderOf(by),
        ...revisionOf(approval),
        state: closedState(approval.state),
        reason: committedReason,
      };
      return entry(body, salt);
    },
    released: (approval, { releasedTo, delivery, given, revision }: ReleaseFacts) =>
      entry({
        type: "approval.released",
        actor: gateway,
        ...revisionOf(approval),
        hold: approval.hold,
        call: approval.call,
        released_to: releasedTo,
        action: approval.action,
        delivery,
        given: given.map((one) => ({ ...one })),
        policy_revision: revision,
      }),
  };
}

const gateway = { kind: "gateway" as const, id: "portcullis" };

function enderOf(by: Ender): LeafBody["actor"] {
  return by.kind === "gateway" ? gateway : by;
}

function revisionOf({
  id,
  revision,
  digest,
}: {
  readonly id: string;
  readonly revision: number;
  readonly digest: string;
}) {
  return { approval: id, revision, digest };
}

function held({ required, policies, policy_revision, expires_at, use_within_ms }: AskedApproval) {
  return {
    required: required.map((one) => ({ ...one })),
    policies: named(policies),
    reasons: policies.slice(0, maxReasons).map(({ reason }) => bounded(reason, 500)),
    policy_revision,
    expires: rfc3339(expires_at),
    use_within_ms,
  };
}

function notCounted({ voter, signOffs }: FallenVote) {
  return { operator: voter, sign_offs: [...signOffs] };
}

function ruled({ policies, revision }: Ruling) {
  return { policies: named(policies), policy_revision: revision };
}

function named(policies: readonly DeterminingPolicy[]): { ids: string[]; more: number } {
  return {
    ids: policies.slice(0, maxPolicies).map(({ id }) => id),
    more: Math.max(0, policies.length - maxPolicies),
  };
}

function bounded(text: string, max: number): string {
  return text.toWellFormed().slice(0, max).toWellFormed();
}

function closedState(state: string): LeafBody<"approval.closed">["state"] {
  switch (state) {
    case "rejected":
    case "expired":
    case "cancelled":
    case "superseded":
    case "lapsed":
    case "revoked":
    case "stale":
      return state;
    default:
      throw new Error(`an approval that is ${state} is not closed`);
  }
}
