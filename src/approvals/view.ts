// What an approver is shown of an approval: all that it takes to decide, derived from the very bytes that a decision is
// about. Nothing is cut off here; whoever shows it may fold it.

import { hash } from "node:crypto";
import { canonicalJson } from "portcullis-verify/leaves/canonical-json.ts";
import { rfc3339 } from "../core/clock.ts";
import { type Approval, type ApprovalContent, current, type Hold } from "./approval.ts";
import type { ApprovalState } from "./approval-states.ts";
import { type ArgumentRow, changedValues, jsonRows, textRow } from "./argument-rows.ts";
import { requestMessages } from "./request-messages.ts";
import { tally } from "./tally.ts";
import type { ApprovalView } from "./view-schema.ts";
import { visibleText } from "./visible-text.ts";

/** What the assistant's turn has beside that which waits. */
export interface TurnBeside {
  readonly said: readonly { readonly choice: number; readonly text: string }[];
  readonly permitted: readonly { readonly tool: string; readonly arguments: string }[];
}

export interface ViewParts {
  readonly hold: Hold;
  /** The newest revision of the one that is looked at. */
  readonly approval: Approval;
  /** What was sealed, of every revision of the hold's approvals that can be opened; this one's is among them. */
  readonly contents: ReadonlyMap<Approval, ApprovalContent>;
  /** By pseudonyms; null when erased. */
  readonly names: ReadonlyMap<string, string | null>;
  /** Why it has its effect, in words. */
  readonly effectBasis: string | null;
  readonly beside: TurnBeside;
  /** States of what the same application asked of the same tool since then. */
  readonly past: { readonly since: number; readonly states: readonly ApprovalState[] };
  readonly now: number;
}

/** Throws when what was sealed of the approval is not among the contents. */
export function approvalView(parts: ViewParts): ApprovalView {
  const { hold, approval, contents, now } = parts;
  const content = contents.get(approval);
  if (content === undefined) throw new Error(`what waits as ${approval.id} was not opened`);
  return {
    v: 1,
    ...pick(approval),
    requested: rfc3339(approval.createdAt),
    expires: rfc3339(approval.expires_at),
    seconds_left:
      approval.state === "pending" ? Math.max(0, Math.floor((approval.expires_at - now) / 1000)) : null,
    usable_until: hold.usable_until === null ? null : rfc3339(hold.usable_until),
    who: whoOf(parts, content),
    conversation: visibleText(approval.conversation),
    what: {
      tool: visibleOrNull(approval.tool),
      target: visibleOrNull(approval.target),
      effect: approval.effect,
      effect_basis: visibleOrNull(parts.effectBasis),
      tool_digest: approval.tool_digest,
      labels: approval.labels.map((label) => visibleText(label)),
    },
    arguments: argumentsOf(content.bytes),
    messages: approval.kind === "call" ? requestMessages(content.bytes).map((one) => ({ ...one })) : [],
    policies: approval.policies.map(({ id, reason }) => ({
      id: visibleText(id),
      reason: visibleText(reason, true),
    })),
    policy_revision: approval.policy_revision,
    sign_offs: signOffsOf(approval),
    votes: votesOf(parts, content),
    editors: approval.editors.map((editor) => person(parts, editor)),
    batch: batchOf(parts),
    revisions: revisionsOf(parts),
    similar: similar(parts.past),
  };
}

/** SHA-256, lowercase hex, over the canonical JSON (RFC 8785) of the view: that which was shown. */
export function viewDigest(view: ApprovalView): string {
  return hash("sha256", canonicalJson(view), "hex");
}

function pick({ id, revision, digest, kind, state, call, hold }: Approval) {
  return { id, revision, digest, kind, state, call, hold };
}

function whoOf(parts: ViewParts, { requesters }: ApprovalContent): ApprovalView["who"] {
  const { application, groups, user, key_creator: creator } = parts.approval;
  return {
    application: visibleText(application),
    groups: groups.map((group) => visibleText(group)),
    user: user === null ? null : person(parts, user),
    key_creator: creator === null ? null : person(parts, creator),
    requesters: requesters.map((name) => visibleText(name)),
  };
}

function person({ names }: Pick<ViewParts, "names">, id: string): { id: string; name: string | null } {
  return { id, name: visibleOrNull(names.get(id) ?? null) };
}

function argumentsOf(bytes: string): ApprovalView["arguments"] {
  const rows = rowsOf(bytes);
  return {
    format: rows.some(({ type }) => type === "text") ? "text" : "json",
    rows: rows.map(({ notes, ...row }) => ({ ...row, notes: [...notes] })),
    raw: visibleText(bytes, true),
    bytes: Buffer.byteLength(bytes),
  };
}

/** Models call a function without parameters with no text at all. */
function rowsOf(bytes: string): readonly ArgumentRow[] {
  return bytes === "" ? [] : (jsonRows(bytes) ?? [textRow(bytes)]);
}

/** How many voters stand for each: who may speak for several fills one. */
export function signOffsOf({
  required,
  votes,
}: Pick<Approval, "required" | "votes">): ApprovalView["sign_offs"] {
  const { given } = tally(required, votes);
  return required.map(({ name, quorum }) => ({
    name: visibleText(name),
    quorum,
    given: given.get(name) ?? 0,
  }));
}

function votesOf(parts: ViewParts, { reasons }: ApprovalContent): ApprovalView["votes"] {
  return parts.approval.votes.map(({ voter, decision, sign_offs, method, at }) => ({
    voter: person(parts, voter),
    decision,
    sign_offs: sign_offs.map((name) => visibleText(name)),
    method,
    at: rfc3339(at),
    reason: visibleOrNull(reasons[voter] ?? null, true),
  }));
}

function batchOf({ hold, approval, contents, beside }: ViewParts): ApprovalView["batch"] {
  const others = current(hold).filter(({ id }) => id !== approval.id);
  return {
    said: beside.said.map(({ choice, text }) => ({ choice, text: visibleText(text, true) })),
    others: others.map((one) => ({
      id: one.id,
      state: one.state,
      tool: visibleOrNull(one.tool),
      effect: one.effect,
      arguments: visibleOrNull(contents.get(one)?.bytes ?? null, true),
    })),
    permitted: beside.permitted.map((one) => ({
      tool: visibleText(one.tool),
      arguments: visibleText(one.arguments, true),
    })),
  };
}

function revisionsOf(parts: ViewParts): ApprovalView["revisions"] {
  const { hold, approval, contents } = parts;
  const all = hold.approvals.filter(({ id }) => id === approval.id);
  return all.slice(0, -1).map((before, at) => {
    const after = all[at + 1] ?? approval;
    // Whoever wrote a revision stands last among its editors.
    const editor = after.editors.at(-1);
    const [old, now] = [contents.get(before), contents.get(after)];
    return {
      revision: before.revision,
      digest: before.digest,
      superseded: before.decided_at === null ? null : rfc3339(before.decided_at),
      reason: editor === undefined ? null : visibleOrNull(now?.reasons[editor] ?? null, true),
      edited_by: editor === undefined ? null : person(parts, editor),
      changes:
        old === undefined || now === undefined
          ? null
          : [...changedValues(rowsOf(old.bytes), rowsOf(now.bytes))],
    };
  });
}

/** States that only come after enough votes. */
const approvedStates: readonly ApprovalState[] = [
  "approved",
  "releasing",
  "released",
  "executing",
  "succeeded",
  "failed",
  "unknown",
  "lapsed",
  "stale",
];

function similar({ since, states }: ViewParts["past"]): ApprovalView["similar"] {
  const count = (...of: readonly ApprovalState[]): number =>
    states.filter((state) => of.includes(state)).length;
  const [approved, rejected, expired] = [count(...approvedStates), count("rejected"), count("expired")];
  const open = count("pending");
  const other = states.length - approved - rejected - expired - open;
  return { since: rfc3339(since), approved, rejected, expired, other };
}

function visibleOrNull(text: string | null, lines = false): string | null {
  return text === null ? null : visibleText(text, lines);
}
