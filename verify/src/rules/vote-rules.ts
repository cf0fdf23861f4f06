// What must hold of votes, and of what ends an approval: by operators, over the newest bytes, in time, each of them once,
// and with the outcome that the votes add up to.

import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";
import { ApprovalLookup, type ReportApproval } from "./approval-lookup.ts";
import type { HoldBook, KnownApproval, KnownState } from "./hold-book.ts";
import { unmetSignOffs } from "./sign-off-places.ts";

type Closed = LeafOf<"approval.closed">;
type Voted = LeafOf<"approval.voted">;

export type Endings = Readonly<Record<Closed["state"], number>>;

export interface VoteCounts {
  readonly votes: number;
  readonly votesRefused: number;
  readonly closed: Endings;
}

/** Entries are stamped by a gateway's clock, which may run ahead for a minute, and what expires does so by the store's. */
const clockLeewayMs = 90_000;
/** A vote that is under way when its operator is removed may still be recorded. */
const removalLeewayMs = 60_000;
const rememberedRemovals = 10_000;

/** From where each end is reached: the table of approvals/approval-states.ts, as far as the trail shows it. */
const endsFrom: Readonly<Record<Closed["state"], readonly KnownState[]>> = {
  rejected: ["rejected"],
  expired: ["pending"],
  superseded: ["pending"],
  cancelled: ["pending", "approved"],
  revoked: ["pending", "approved"],
  lapsed: ["approved"],
  stale: ["approved"],
};

export class VoteRules {
  readonly #holds: HoldBook;
  readonly #report: ReportApproval;
  readonly #lookup: ApprovalLookup;
  readonly #removed = new Map<string, { readonly entry: number; readonly time: string }>();
  readonly #closed: Record<Closed["state"], number> = {
    rejected: 0,
    expired: 0,
    cancelled: 0,
    superseded: 0,
    lapsed: 0,
    revoked: 0,
    stale: 0,
  };
  #votes = 0;
  #refused = 0;

  constructor(holds: HoldBook, report: ReportApproval) {
    this.#holds = holds;
    this.#report = report;
    this.#lookup = new ApprovalLookup(holds, report);
  }

  get counts(): VoteCounts {
    return { votes: this.#votes, votesRefused: this.#refused, closed: { ...this.#closed } };
  }

  observe(entry: number, leaf: Leaf): void {
    switch (leaf.type) {
      case "approval.voted":
        return this.#voted(entry, leaf);
      case "approval.closed":
        return this.#ended(entry, leaf);
      case "approval.viewed":
        return this.#noticed(entry, leaf, leaf.digest);
      case "approval.vote_refused":
        this.#refused += 1;
        return this.#noticed(entry, leaf, null);
      case "operator.removed":
        return this.#operatorRemoved(entry, leaf);
      case "operator.invited":
        this.#removed.delete(leaf.operator);
        return;
      default:
        return;
    }
  }

  finish(): void {
    for (const { id, state, closed, changed: entry } of this.#holds.approvals()) {
      if (closed || (state !== "rejected" && state !== "superseded")) continue;
      this.#report({ reason: "ending_incomplete", entry, approval: id, state });
    }
  }

  #voted(entry: number, leaf: Voted): void {
    this.#votes += 1;
    const approval = this.#lookup.inState(entry, leaf.approval, ["pending"]);
    if (approval === null || !this.#lookup.isCurrent(entry, approval, leaf)) return;
    if (!this.#mayVote(entry, leaf, approval)) return;
    const { id: operator } = leaf.actor;
    approval.votes.set(operator, { entry, signOffs: leaf.sign_offs });
    const state = leaf.decision === "reject" ? "rejected" : outcomeOf(approval, leaf.not_counted ?? []);
    if (leaf.decision === "reject") approval.votes.delete(operator);
    if (state !== approval.state) {
      approval.state = state;
      approval.changed = entry;
    }
    if (leaf.state === state) return;
    this.#report({
      reason: "wrong_outcome",
      entry,
      approval: approval.id,
      expected: state,
      found: leaf.state,
    });
  }

  /** Whether the vote counts. What it is refused for is reported. */
  #mayVote(entry: number, leaf: Voted, { id, votes, editors, required, expires }: KnownApproval): boolean {
    const at = { entry, approval: id };
    const { id: operator, kind } = leaf.actor;
    if (kind !== "operator") {
      this.#report({ ...at, reason: "vote_not_an_operators", found: `${kind} ${operator}` });
      return false;
    }
    const voted = votes.get(operator)?.entry;
    if (voted !== undefined) {
      this.#report({ ...at, reason: "voted_twice", operator, voted });
      return false;
    }
    const edited = editors.get(operator);
    if (edited !== undefined) {
      this.#report({ ...at, reason: "voted_on_own_edit", operator, edited });
      return false;
    }
    const removed = this.#removed.get(operator);
    if (removed !== undefined && isAfter(leaf.time, removed.time, removalLeewayMs)) {
      this.#report({ ...at, reason: "voted_after_removal", operator, removed: removed.entry });
      return false;
    }
    if (isAfter(leaf.time, expires, clockLeewayMs)) {
      this.#report({ ...at, reason: "decided_after_expiry", expected: expires, found: leaf.time });
      return false;
    }
    const other = leaf.sign_offs.find((signOff) => !required.some(({ name }) => name === signOff));
    if (other !== undefined) this.#report({ ...at, reason: "sign_off_not_asked", signOff: other });
    return other === undefined;
  }

  #ended(entry: number, leaf: Closed): void {
    this.#closed[leaf.state] += 1;
    const approval = this.#lookup.inState(entry, leaf.approval, endsFrom[leaf.state]);
    if (approval === null) return;
    this.#lookup.isCurrent(entry, approval, leaf);
    const at = { entry, approval: approval.id };
    if (leaf.state === "expired" && isAfter(approval.expires, leaf.time, clockLeewayMs)) {
      this.#report({ ...at, reason: "expired_early", expected: approval.expires, found: leaf.time });
    }
    if (approval.permit !== null) {
      this.#report({ ...at, reason: "decision_without_release", entry: approval.permit.entry });
    }
    approval.permit = null;
    approval.state = leaf.state;
    approval.changed = entry;
    // A superseded one goes on with the edit that takes its place.
    approval.closed = leaf.state !== "superseded";
    this.#holds.settle(approval.hold);
  }

  /** Recorded by itself, so others may have changed the approval meanwhile. */
  #noticed(
    entry: number,
    { approval: id, revision: found }: LeafOf<"approval.viewed" | "approval.vote_refused">,
    digest: string | null,
  ): void {
    const approval = this.#holds.approval(id);
    if (approval === undefined) {
      if (this.#holds.ended(id) === undefined && !this.#holds.hasForgotten) {
        this.#report({ reason: "approval_unknown", entry, approval: id });
      }
      return;
    }
    if (found < approval.revision) return;
    this.#lookup.isCurrent(entry, approval, { revision: found, digest: digest ?? approval.digest });
  }

  #operatorRemoved(entry: number, { operator, time }: LeafOf<"operator.removed">): void {
    this.#removed.set(operator, { entry, time });
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > rememberedRemovals && oldest !== undefined) this.#removed.delete(oldest);
  }
}

/** `fallen`: of earlier votes, what is said not to count any more. Leaving it out is never less strict. */
function outcomeOf(
  { required, votes }: KnownApproval,
  fallen: NonNullable<Voted["not_counted"]>,
): "approved" | "pending" {
  const given = [...votes].map(([operator, { signOffs }]) => {
    const gone = fallen.flatMap((one) => (one.operator === operator ? one.sign_offs : []));
    return signOffs.filter((name) => !gone.includes(name));
  });
  return unmetSignOffs(required, given).length === 0 ? "approved" : "pending";
}

function isAfter(time: string, other: string, leewayMs: number): boolean {
  return Date.parse(time) > Date.parse(other) + leewayMs;
}
