// What must hold where something is handed on because it was signed off: every sign-off was given by as many as it needs,
// over the newest bytes, before it ended, for this very action or call, and once.

import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";
import { ApprovalLookup, type ReportApproval } from "./approval-lookup.ts";
import type { CallBook } from "./call-book.ts";
import type { HoldBook, KnownApproval } from "./hold-book.ts";
import { unmetSignOffs } from "./sign-off-places.ts";

type Released = LeafOf<"approval.released">;
type Deciding = LeafOf<"action.decided"> | LeafOf<"call.decided">;

export interface ReleaseCounts {
  /** Approvals of which something was handed on. */
  readonly released: number;
  /** Deliveries after the first. */
  readonly redelivered: number;
  /** Writes of which it is proved that they were signed off before they were handed on. */
  readonly writesApproved: number;
}

export class ReleaseRules {
  readonly #calls: CallBook;
  readonly #holds: HoldBook;
  readonly #report: ReportApproval;
  readonly #lookup: ApprovalLookup;
  readonly #counts = { released: 0, redelivered: 0, writesApproved: 0 };
  #found = 0;
  #unchecked = 0;

  constructor(calls: CallBook, holds: HoldBook, report: ReportApproval) {
    this.#calls = calls;
    this.#holds = holds;
    this.#report = (finding) => {
      this.#found += 1;
      report(finding);
    };
    this.#lookup = new ApprovalLookup(holds, this.#report);
  }

  get counts(): ReleaseCounts {
    return this.#counts;
  }

  /** Deliveries of what was handed on so long before that it is not remembered. */
  get unchecked(): number {
    return this.#unchecked;
  }

  observe(entry: number, leaf: Leaf): void {
    if (leaf.type === "approval.released") this.#released(entry, leaf);
    else if (leaf.type === "action.decided") {
      if (leaf.approval !== null) this.#decided(entry, leaf, leaf.approval);
    } else if (leaf.type === "call.decided" && leaf.approval !== undefined) {
      if (leaf.hold === undefined) this.#decided(entry, leaf, leaf.approval);
      else this.#decidedAgain(entry, leaf, leaf.approval, leaf.hold);
    }
  }

  finish(): void {
    for (const { id, permit } of this.#holds.approvals()) {
      if (permit === null) continue;
      this.#report({ reason: "decision_without_release", entry: permit.entry, approval: id });
    }
  }

  #decided(entry: number, leaf: Deciding, id: string): void {
    const before = this.#found;
    if (leaf.decision !== "permit") {
      this.#report({ reason: "not_a_permit", entry, approval: id, found: leaf.decision });
      return;
    }
    const known = this.#holds.approval(id);
    const used = known?.permit?.entry ?? (known?.state === "released" ? known.changed : undefined);
    if (used !== undefined) {
      this.#report({ reason: "used_twice", entry, approval: id, permit: used });
      return;
    }
    const approval = this.#lookup.inState(entry, id, ["pending", "approved"]);
    if (approval === null) return;
    this.#checkSignedOff(entry, approval);
    this.#checkSubject(entry, leaf, approval);
    approval.permit = { entry, call: leaf.call };
    const isWrite =
      leaf.type === "action.decided" && (leaf.effect === "write" || approval.asked.effect === "write");
    if (isWrite && this.#found === before) this.#counts.writesApproved += 1;
  }

  /** The retry of a call that went out under it may have what that one's answer left, which is no second use of it. */
  #decidedAgain(entry: number, leaf: LeafOf<"call.decided">, id: string, hold: string): void {
    if (leaf.decision !== "permit") {
      this.#report({ reason: "not_a_permit", entry, approval: id, found: leaf.decision });
      return;
    }
    const found = this.#holds.hold(hold)?.call;
    const isKnown = this.#holds.approval(id) !== undefined && found !== undefined;
    if (!isKnown && this.#holds.hasForgotten) {
      this.#unchecked += 1;
      return;
    }
    const approval = this.#lookup.inState(entry, id, ["released"]);
    if (approval === null) return;
    this.#checkSubject(entry, leaf, approval);
    const { releasedTo } = approval.hold;
    if (releasedTo !== null && found !== releasedTo) {
      this.#report({ reason: "not_its_answer", entry, approval: id, call: releasedTo, hold });
    }
  }

  #checkSignedOff(entry: number, { id, state, required, votes, hold }: KnownApproval): void {
    if (state === "pending") {
      const given = [...votes.values()].map(({ signOffs }) => signOffs);
      for (const unmet of unmetSignOffs(required, given)) {
        this.#report({ reason: "votes_missing", entry, approval: id, ...unmet });
      }
    }
    const waiting = hold.approvals.find((one) => one.id !== id && one.state === "pending");
    if (waiting === undefined) return;
    this.#report({ reason: "released_before_rest", entry, approval: id, waiting: waiting.id });
  }

  #checkSubject(entry: number, leaf: Deciding, { id, asked, action }: KnownApproval): void {
    const member = (name: string, expected: string | null, found: string | null): void =>
      this.#lookup.member(entry, id, name, expected, found);
    member("application", asked.application, leaf.application);
    member("user", asked.user, leaf.user);
    if (leaf.type === "call.decided") {
      member("kind", asked.kind, "call");
      member("target", asked.target, leaf.target);
      return;
    }
    member("action", action, leaf.action);
    member("tool", asked.tool, leaf.tool);
    member("tool_digest", asked.tool_digest, leaf.tool_digest);
  }

  #released(entry: number, leaf: Released): void {
    const known = this.#holds.approval(leaf.approval);
    if (known === undefined && leaf.delivery > 1 && this.#holds.hasForgotten) {
      this.#unchecked += 1;
      return;
    }
    const approval = this.#lookup.inState(entry, leaf.approval, ["pending", "approved", "released"]);
    if (approval === null) return;
    this.#lookup.isCurrent(entry, approval, leaf);
    this.#lookup.member(entry, approval.id, "hold", approval.hold.id, leaf.hold);
    this.#lookup.member(entry, approval.id, "call", approval.hold.call, leaf.call);
    this.#lookup.member(entry, approval.id, "action", approval.action, leaf.action);
    if (approval.state === "released") this.#counts.redelivered += 1;
    else this.#checkFirst(entry, leaf, approval);
    this.#checkGiven(entry, leaf, approval);
    this.#checkReceiver(entry, leaf, approval);
    this.#checkDelivery(entry, leaf, approval);
    approval.state = "released";
    approval.changed = entry;
    approval.permit = null;
    this.#holds.settle(approval.hold);
  }

  #checkFirst(entry: number, leaf: Released, approval: KnownApproval): void {
    this.#counts.released += 1;
    const { permit, id } = approval;
    if (permit === null) {
      this.#report({ reason: "released_without_decision", entry, approval: id });
      this.#checkSignedOff(entry, approval);
    } else this.#lookup.member(entry, id, "released_to", permit.call, leaf.released_to);
  }

  /** The sign-offs that were asked for, each with a quorum that is no smaller, and by no more operators than have voted. */
  #checkGiven(entry: number, { given }: Released, { id, required, votes }: KnownApproval): void {
    const at = { entry, approval: id, reason: "given_contradicts" } as const;
    for (const { name, quorum } of required) {
      const one = given.find((each) => each.name === name);
      if (one !== undefined && one.quorum >= quorum && one.votes >= one.quorum) continue;
      const found = one === undefined ? 0 : Math.min(one.quorum, one.votes);
      this.#report({ ...at, signOff: name, expected: Math.max(quorum, one?.quorum ?? 0), found });
    }
    const extra = given.find(({ name }, at_) => given.findIndex((one) => one.name === name) !== at_);
    if (extra !== undefined) this.#report({ ...at, signOff: extra.name, expected: 0, found: extra.votes });
    const places = given.map(({ name, votes: quorum }) => ({ name, quorum }));
    const cast = [...votes.values()].map(({ signOffs }) => signOffs);
    for (const { signOff, expected: found, found: expected } of unmetSignOffs(places, cast)) {
      this.#report({ ...at, signOff, expected, found });
    }
  }

  #checkReceiver(entry: number, leaf: Released, { id, asked, choice, hold }: KnownApproval): void {
    const receiver = this.#calls.get(leaf.released_to);
    if (receiver === undefined || receiver.permits.size === 0) {
      this.#report({ reason: "released_to_nobody", entry, approval: id, call: leaf.released_to });
      return;
    }
    this.#lookup.member(entry, id, "application", asked.application, receiver.application);
    this.#lookup.member(entry, id, "user", asked.user, receiver.user);
    if (asked.kind !== "action") return;
    receiver.released.set(id, entry);
    const { picksUp } = receiver;
    if (picksUp === null) return;
    const isMeant = picksUp.hold === hold.id && (picksUp.choice === null || picksUp.choice === choice);
    if (isMeant) return;
    this.#report({ reason: "not_picked_up", entry, approval: id, call: leaf.released_to, ...picksUp });
  }

  /** Each time that it is handed on has a number, without gaps. */
  #checkDelivery(entry: number, leaf: Released, approval: KnownApproval): void {
    const expected = approval.delivery + 1;
    const { delivery: found } = leaf;
    if (found !== expected) {
      this.#report({ reason: "delivery_out_of_order", entry, approval: approval.id, expected, found });
    }
    approval.delivery = Math.max(expected, found);
    approval.hold.releasedTo = leaf.released_to;
  }
}
