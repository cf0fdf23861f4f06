// What must hold where sign-offs are asked for, and where bytes are edited: for something that policy holds, for all the
// sign-offs that it asks for, over a digest of what the entry says.

import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";
import { type SignedOff, signedOffDigest } from "./approval-digest.ts";
import { ApprovalLookup, type ReportApproval } from "./approval-lookup.ts";
import type { CallBook, CallState, Decided } from "./call-book.ts";
import type { HoldBook, KnownApproval } from "./hold-book.ts";

type Asked = LeafOf<"approval.requested">;

export class AskingRules {
  readonly #calls: CallBook;
  readonly #holds: HoldBook;
  readonly #report: ReportApproval;
  readonly #lookup: ApprovalLookup;
  readonly #counts = { requested: 0, edited: 0 };

  constructor(calls: CallBook, holds: HoldBook, report: ReportApproval) {
    this.#calls = calls;
    this.#holds = holds;
    this.#report = report;
    this.#lookup = new ApprovalLookup(holds, report);
  }

  get counts(): { readonly requested: number; readonly edited: number } {
    return this.#counts;
  }

  observe(entry: number, leaf: Leaf): void {
    if (leaf.type === "approval.requested") this.#requested(entry, leaf);
    if (leaf.type === "approval.edited") this.#edited(entry, leaf);
  }

  #requested(entry: number, leaf: Asked): void {
    this.#counts.requested += 1;
    const { approval } = leaf;
    const known = this.#holds.approval(approval)?.entry ?? this.#holds.ended(approval)?.entry;
    if (known !== undefined) {
      this.#report({ reason: "asked_twice", entry, approval, known });
      return;
    }
    if (leaf.revision !== 1) {
      this.#report({ reason: "other_revision", entry, approval, expected: 1, found: leaf.revision });
    }
    const choice = this.#checkHeld(entry, leaf);
    this.#checkDigest(entry, leaf, leaf);
    const holdsCall = this.#holds.hold(leaf.hold)?.call ?? leaf.call;
    this.#lookup.member(entry, approval, "call", holdsCall, leaf.call);
    const actions = [...(this.#calls.get(leaf.call)?.actions.values() ?? [])];
    const permitted = actions.flatMap((one) =>
      one.decision === "permit" && one.choice !== null ? [one.choice] : [],
    );
    this.#holds.add(entry, leaf, choice, new Set(permitted));
  }

  /** What is asked for must be what policy held, in a call that is open. The choice that it stands in. */
  #checkHeld(entry: number, leaf: Asked): number | null {
    const { approval, call, action } = leaf;
    const state = this.#calls.get(call);
    const decided = state === undefined ? undefined : heldBy(state, leaf);
    if (state === undefined || decided === undefined) {
      this.#report({ reason: "asked_without_hold", entry, approval, call, action });
      return null;
    }
    decided.asked = true;
    const member = (name: string, expected: string | null, found: string | null): void =>
      this.#lookup.member(entry, approval, name, expected, found);
    member("application", state.application, leaf.application);
    member("user", state.user, leaf.user);
    member("tool", decided.tool, leaf.tool);
    member("target", decided.target, leaf.target);
    member("policy_revision", decided.revision, leaf.policy_revision);
    const found = leaf.required.map(({ name }) => name);
    if (!sameNames(decided.signOffs, found)) {
      this.#report({ reason: "other_sign_offs", entry, approval, expected: decided.signOffs, found });
    }
    return decided.choice;
  }

  #edited(entry: number, leaf: LeafOf<"approval.edited">): void {
    this.#counts.edited += 1;
    const approval = this.#lookup.inState(entry, leaf.approval, ["superseded"]);
    if (approval === null) return;
    this.#lookup.isCurrent(entry, approval, leaf.previous);
    const expected = approval.revision + 1;
    if (leaf.revision !== expected) {
      this.#report({
        reason: "other_revision",
        entry,
        approval: approval.id,
        expected,
        found: leaf.revision,
      });
    }
    this.#checkDigest(entry, approval.asked, leaf);
    this.#checkKept(entry, approval, leaf);
    approval.revision = leaf.revision;
    approval.digest = leaf.digest;
    approval.required = leaf.required;
    approval.expires = leaf.expires;
    approval.useWithinMs = leaf.use_within_ms ?? null;
    approval.state = "pending";
    approval.changed = entry;
    approval.votes.clear();
    approval.editors.set(leaf.actor.id, entry);
  }

  /** An edit never takes a sign-off away, or lowers its quorum. */
  #checkKept(entry: number, { id, required }: KnownApproval, leaf: LeafOf<"approval.edited">): void {
    const quorums = new Map(leaf.required.map(({ name, quorum }) => [name, quorum]));
    if (required.every(({ name, quorum }) => (quorums.get(name) ?? 0) >= quorum)) return;
    const inWords = (all: Asked["required"]): string[] => all.map(({ name, quorum }) => `${name}: ${quorum}`);
    const [expected, found] = [inWords([...required]), inWords(leaf.required)];
    this.#report({ reason: "other_sign_offs", entry, approval: id, expected, found });
  }

  #checkDigest(entry: number, asked: SignedOff, leaf: Asked | LeafOf<"approval.edited">): void {
    const expected = signedOffDigest(asked, leaf);
    if (expected === null || expected === leaf.digest) return;
    this.#report({ reason: "other_digest", entry, approval: leaf.approval, expected, found: leaf.digest });
  }
}

/** The decision to hold it that nobody was asked about yet. */
function heldBy(state: CallState, { kind, action, target }: Asked): Decided | undefined {
  const isOpen = ({ decision, asked }: Decided): boolean => decision === "hold" && !asked;
  if (kind === "call") return [...state.held.values()].find((one) => isOpen(one) && one.target === target);
  const decided = action === null ? undefined : state.actions.get(action);
  return decided !== undefined && isOpen(decided) ? decided : undefined;
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  const names = new Set(one);
  return (
    other.length === names.size &&
    new Set(other).size === names.size &&
    other.every((name) => names.has(name))
  );
}
