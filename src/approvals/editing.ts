// Other bytes in place of those that were asked for. They are described and decided on as if the model had proposed them,
// and whoever wrote them does not vote on them.

import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { Approval, ApprovalContent, Hold, SignOffNeeded } from "./approval.ts";
import { nextState } from "./approval-states.ts";
import { fingerprint } from "./digest.ts";
import { digestOf, type FilingParts, type Terms, termsOf } from "./filing.ts";
import type { Voter } from "./ports.ts";
import { replaced, type Subject, staleness, type VoteFailure } from "./voting.ts";

export interface Edit {
  /** Of the revision that it takes the place of. */
  readonly digest: string;
  readonly bytes: string;
  readonly reason: string | null;
}

export type EditFailure = VoteFailure | { readonly reason: "undescribable"; readonly detail: string };

export async function edited(
  parts: FilingParts,
  { hold, approval, content, now }: Subject,
  voter: Voter,
  operator: string,
  edit: Edit,
): Promise<
  Result<
    { readonly hold: Hold; readonly approval: Approval; readonly entries: readonly EncodedEntry[] },
    EditFailure
  >
> {
  const stale = staleness(hold, approval, edit.digest, now);
  if (stale !== null) return fail(stale);
  if (approval.kind === "call") {
    const detail = "a call's request is its client's own; reject it and say what to change";
    return fail({ reason: "undescribable", detail });
  }
  const refused = await parts.rules.mayVote(voter);
  if (refused !== null) return fail({ reason: "may_not_vote", detail: refused });
  if (!approval.required.some(({ name }) => parts.rules.isApprover(name, voter.name))) {
    return fail({ reason: "not_an_approver", signOffs: approval.required.map(({ name }) => name) });
  }
  const described = parts.rules.describeEdit(approval, content.question, edit.bytes);
  if (!described.ok) return fail({ reason: "undescribable", detail: described.failure });
  const { ruling, question, labels } = described.value;
  if (ruling.outcome === "deny") return fail({ reason: "policy_denied", ruling });
  const terms = termsOfEdit(parts, approval, ruling.signOffs);
  if (terms === null) {
    return fail({ reason: "undescribable", detail: "policy asks for a sign-off that is not declared" });
  }
  const state = nextState(approval.state, "edit");
  if (state === null) return fail({ reason: "not_pending", state: approval.state });
  const superseded: Approval = { ...approval, state, decided_at: now };
  const { application, user, tool, target } = approval;
  const asked = { application, user, tool, target, toolDigest: approval.tool_digest };
  const unsealed = {
    ...approval,
    revision: approval.revision + 1,
    labels: [...labels],
    fingerprint: fingerprint(parts.fingerprintKey, asked, edit.bytes),
    policies: ruling.policies.map(({ id, reason }) => ({ id, reason })),
    policy_revision: ruling.revision,
    required: terms.required,
    // What is added may leave less time, and never more.
    expires_at: Math.min(approval.expires_at, now + terms.decideWithinMs),
    use_within_ms: Math.min(approval.use_within_ms, terms.useWithinMs),
    votes: [],
    editors: [...approval.editors.filter((one) => one !== operator), operator],
  };
  const reasons = edit.reason === null ? {} : { [operator]: edit.reason };
  const next: ApprovalContent = { ...content, bytes: edit.bytes, question, reasons };
  const sealed = await parts.holds.seal(hold, unsealed, next);
  const closed = parts.entries.closed(
    superseded,
    { kind: "operator", id: operator },
    edit.reason,
    hold.subject,
  );
  const { entry, digest } = parts.entries.edited(
    { ...unsealed, subject: hold.subject, previous: approval },
    edit.bytes,
    (committed) => digestOf(unsealed, committed),
    operator,
  );
  const revised: Approval = { ...unsealed, digest, sealed };
  const before = replaced(hold, superseded);
  const at = before.approvals.indexOf(superseded);
  const approvals = before.approvals.toSpliced(at + 1, 0, revised);
  return ok({ hold: { ...before, approvals }, approval: revised, entries: [closed, entry] });
}

/** What was asked for of the bytes before is asked for of these too: an edit never takes a sign-off away. */
function termsOfEdit(
  { rules }: Pick<FilingParts, "rules">,
  { required }: Approval,
  signOffs: readonly string[],
): (Omit<Terms, "required"> & { readonly required: SignOffNeeded[] }) | null {
  const added = signOffs.filter((name) => !required.some((one) => one.name === name));
  const terms = termsOf(rules, added);
  return terms.ok ? { ...terms.value, required: [...required, ...terms.value.required] } : null;
}
