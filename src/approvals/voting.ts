// A vote, from what an approver sends to what it changes. It counts only over the very bytes that the approver saw, only
// while the approval waits, and only from somebody who neither asked for it nor wrote it; whatever does not count is on
// record too, with why.

import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { type Approval, type ApprovalContent, current, type Hold, type Vote } from "./approval.ts";
import { nextState } from "./approval-states.ts";
import { settledAt } from "./ending.ts";
import type { Holds } from "./holds.ts";
import type { ApprovalEntries, ApprovalRules, Ruling, VoteFacts, Voter } from "./ports.ts";
import { fallenVotes, standingVotes } from "./standing.ts";
import { tally } from "./tally.ts";

export interface Ballot {
  readonly decision: "approve" | "reject";
  /** Of the view that it was decided by. */
  readonly digest: string;
  /** For the record, and for whoever asked. */
  readonly reason: string | null;
}

export type VoteFailure =
  | { readonly reason: "unknown_approval" }
  | { readonly reason: "damaged" }
  /** It is decided, or gone: `state` says how. */
  | { readonly reason: "not_pending"; readonly state: Approval["state"] }
  | { readonly reason: "expired" }
  /** It was edited since: the digest is that of an earlier revision. */
  | { readonly reason: "superseded"; readonly revision: number }
  | { readonly reason: "other_digest" }
  | { readonly reason: "voted_before" }
  /** Whoever wrote the bytes does not decide on them. */
  | { readonly reason: "editor" }
  | { readonly reason: "not_an_approver"; readonly signOffs: readonly string[] }
  | { readonly reason: "policy_denied"; readonly ruling: Ruling }
  /** This operator cannot vote at all now. */
  | { readonly reason: "may_not_vote"; readonly detail: string }
  /** Others changed it again and again. */
  | { readonly reason: "busy" };

export interface VotingParts {
  readonly holds: Holds;
  readonly entries: ApprovalEntries;
  readonly rules: ApprovalRules;
  /** Names by pseudonyms; null when erased. */
  readonly nameOf: (operator: string) => Promise<string | null>;
}

/** What is read of an approval before somebody decides on it. */
export interface Subject {
  readonly hold: Hold;
  readonly approval: Approval;
  readonly content: ApprovalContent;
  readonly now: number;
}

export async function readSubject(
  { holds }: Pick<VotingParts, "holds">,
  id: string,
): Promise<Result<Subject, VoteFailure>> {
  const now = await holds.store.now();
  const hold = await holds.ofApproval(id);
  const approval = hold === null ? undefined : current(hold).find((one) => one.id === id);
  if (hold === null || approval === undefined) return fail({ reason: "unknown_approval" });
  const content = await holds.contentOf(hold, approval);
  return content === null ? fail({ reason: "damaged" }) : ok({ hold, approval, content, now });
}

/** What would be done, or why not. Asks everything but whether somebody else is faster. */
export async function castVote(
  parts: VotingParts,
  { hold, approval, content, now }: Subject,
  voter: Voter,
  operator: string,
  ballot: Ballot,
): Promise<
  Result<{ readonly hold: Hold; readonly approval: Approval; readonly entries: EncodedEntry[] }, VoteFailure>
> {
  const stale = staleness(hold, approval, ballot.digest, now);
  if (stale !== null) return fail(stale);
  const refused = await parts.rules.mayVote(voter);
  if (refused !== null) return fail({ reason: "may_not_vote", detail: refused });
  if (approval.votes.some((vote) => vote.voter === operator)) return fail({ reason: "voted_before" });
  if (approval.editors.includes(operator)) return fail({ reason: "editor" });
  const eligible = eligibility(parts.rules, approval, voter, await voteFacts(parts, approval, content));
  if (!eligible.ok) return eligible;
  const { signOffs, ruling } = eligible.value;
  const { decision, reason } = ballot;
  const vote: Vote = { voter: operator, decision, sign_offs: [...signOffs], method: voter.method, at: now };
  const votes = [...approval.votes, vote];
  // Who was removed since leaves a free place to somebody else.
  const standing = await standingVotes(parts, approval.votes);
  const isComplete = tally(approval.required, [...standing, vote]).complete;
  const event = decision === "reject" ? "reject" : isComplete ? "votes_complete" : null;
  const state = event === null ? approval.state : nextState(approval.state, event);
  if (state === null) return fail({ reason: "not_pending", state: approval.state });
  const saying: ApprovalContent =
    reason === null ? content : { ...content, reasons: { ...content.reasons, [operator]: reason } };
  const voted: Approval = {
    ...approval,
    state,
    votes,
    decided_at: state === "pending" ? null : now,
    sealed: reason === null ? approval.sealed : await parts.holds.seal(hold, approval, saying),
  };
  const said = { reason, state, ruling, fallen: fallenVotes(approval.votes, standing) };
  const after = settledAt(replaced(hold, voted), now);
  const entries = [parts.entries.voted(voted, vote, said, hold.subject)];
  if (state === "rejected") {
    entries.push(parts.entries.closed(voted, { kind: "operator", id: operator }, reason, hold.subject));
  }
  return ok({ hold: after, approval: voted, entries });
}

/** The hold with this revision of an approval in place of what it was. */
export function replaced(hold: Hold, approval: Approval): Hold {
  const isIt = (one: Approval): boolean => one.id === approval.id && one.revision === approval.revision;
  return { ...hold, approvals: hold.approvals.map((one) => (isIt(one) ? approval : one)) };
}

/** Why these bytes are not, or no longer, what can be decided on. */
export function staleness(hold: Hold, approval: Approval, digest: string, now: number): VoteFailure | null {
  if (digest !== approval.digest) {
    const { revision } = approval;
    const earlier = hold.approvals.some((one) => one.id === approval.id && one.digest === digest);
    return earlier ? { reason: "superseded", revision } : { reason: "other_digest" };
  }
  if (approval.state !== "pending") return { reason: "not_pending", state: approval.state };
  return now >= approval.expires_at ? { reason: "expired" } : null;
}

async function voteFacts(
  { nameOf }: Pick<VotingParts, "nameOf">,
  { editors, key_creator: creator }: Approval,
  { requesters }: ApprovalContent,
): Promise<VoteFacts> {
  const named = async (ids: readonly string[]): Promise<string[]> =>
    (await Promise.all(ids.map(nameOf))).filter((name) => name !== null);
  const makers = creator === null ? [] : await named([creator]);
  return { requesters: [...new Set([...requesters, ...makers])], editors: await named(editors) };
}

interface Eligible {
  readonly signOffs: readonly string[];
  readonly ruling: Ruling;
}

/** The sign-offs that the vote may count for, by config and by policy. */
function eligibility(
  rules: ApprovalRules,
  approval: Approval,
  voter: Voter,
  facts: VoteFacts,
): Result<Eligible, VoteFailure> {
  const named = approval.required
    .map(({ name }) => name)
    .filter((signOff) => rules.isApprover(signOff, voter.name));
  if (named.length === 0) {
    return fail({ reason: "not_an_approver", signOffs: approval.required.map(({ name }) => name) });
  }
  const rulings = named.map((signOff) => ({
    signOff,
    ruling: rules.mayApprove(voter, approval, signOff, facts),
  }));
  const permitted = rulings.filter(({ ruling }) => ruling.outcome === "permit");
  const [first] = permitted.length > 0 ? permitted : rulings;
  if (first === undefined) throw new Error("nothing was asked");
  return permitted.length === 0
    ? fail({ reason: "policy_denied", ruling: first.ruling })
    : ok({ signOffs: permitted.map(({ signOff }) => signOff), ruling: first.ruling });
}
