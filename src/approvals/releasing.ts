// The release of what was signed off: policy and membership of today are asked again, and then the claim, the decision and
// `approval.released` are one transaction. Nothing is released before all of its turn is decided.

import { setTimeout } from "node:timers/promises";
import type { EncodedEntry } from "../core/entry.ts";
import { type Approval, type ApprovalContent, current, type Hold, isSettled } from "./approval.ts";
import { type ApprovalEvent, nextState } from "./approval-states.ts";
import { ended } from "./ending.ts";
import type { Holds } from "./holds.ts";
import type { ApprovalEntries, ApprovalRules, ReleaseFacts, Ruling } from "./ports.ts";
import { standingVotes } from "./standing.ts";
import { tally } from "./tally.ts";
import { replaced } from "./voting.ts";

/** How the gateway asks policy again, now that sign-offs are given. */
export interface Recheck {
  /** Whatever it has said before did not come to be. */
  begin(): void;
  /** `given`: names of sign-offs. */
  rule(approval: Approval, content: ApprovalContent, given: readonly string[]): Promise<Ruling>;
  /** The entry of that decision, made at once. */
  decided(approval: Approval, content: ApprovalContent, ruling: Ruling): EncodedEntry;
}

export interface ReleaseRequest {
  /** The call that gets it. */
  readonly releasedTo: string;
  /** The choice that it gets alone; null when it gets all of the turn. */
  readonly choice: number | null;
  readonly recheck: Recheck;
}

/** One approval of a hold that was released, or not. */
export interface Part {
  readonly approval: Approval;
  /** Null when what was sealed cannot be opened. */
  readonly content: ApprovalContent | null;
}

export type Release =
  /** Of what was asked for, `released` may be handed on and `refused` must not. */
  | {
      readonly kind: "settled";
      readonly hold: Hold;
      readonly released: readonly (Part & { readonly content: ApprovalContent })[];
      readonly refused: readonly Part[];
    }
  | { readonly kind: "pending"; readonly hold: Hold }
  /** It cannot be read: nothing of it can be released. */
  | { readonly kind: "damaged" };

export interface ReleasingParts {
  readonly holds: Holds;
  readonly entries: ApprovalEntries;
  readonly rules: ApprovalRules;
  /** Names by pseudonyms, to ask whether a voter is an approver still; null when erased. */
  readonly nameOf: (operator: string) => Promise<string | null>;
}

/** Others may change the same hold at the same time; each of them ends something, so that this ends too. */
const maxTries = 100;
/** Policies that were just activated by another gateway are in force here a moment later. */
const policyPauseMs = 50;

export async function release(parts: ReleasingParts, id: string, request: ReleaseRequest): Promise<Release> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const hold = await parts.holds.byId(id);
    if (hold === null) return { kind: "damaged" };
    if (!isSettled(hold)) return { kind: "pending", hold };
    const done = await tryRelease(parts, hold, request);
    if (done !== null) return done;
  }
  throw new Error(`hold ${id} was changed by others ${maxTries} times while it was to be released`);
}

/** Null when somebody else was faster, or something has changed that must be looked at again. */
async function tryRelease(
  parts: ReleasingParts,
  hold: Hold,
  request: ReleaseRequest,
): Promise<Release | null> {
  const candidates = wanted(hold, request).filter(isCandidate);
  if (candidates.length === 0) return settled(parts, hold, request, nothing);
  const now = await parts.holds.store.now();
  if (hold.usable_until === null || now >= hold.usable_until) return lapse(parts, hold, request, now);
  request.recheck.begin();
  const asked: Asked[] = [];
  for (const approval of candidates) {
    const content = await parts.holds.contentOf(hold, approval);
    if (content === null) return { kind: "damaged" };
    const signedOff = await given(parts, approval);
    const names = (signedOff ?? []).map(({ name }) => name);
    const ruling = await request.recheck.rule(approval, content, names);
    asked.push({ approval, content, given: signedOff, ruling });
  }
  const revision = asked[0]?.ruling.revision ?? "";
  // Policies were replaced in between: all of it rests on one revision.
  if (asked.some(({ ruling }) => ruling.revision !== revision)) return null;
  const checked = recorded(parts, hold, asked, request);
  if (checked.entries.length === 0) return settled(parts, hold, request, nothing);
  const conditions = { until: hold.usable_until, revision };
  const { outcome, hold: after } = await parts.holds.change(hold, checked.hold, checked.entries, conditions);
  if (outcome === "policy_changed") await setTimeout(policyPauseMs);
  return outcome === "changed" ? settled(parts, after, request, checked.delivered) : null;
}

/** All of it is decided together; who goes on with one choice gets, and uses, what stands in that one. */
function wanted(hold: Hold, { choice }: ReleaseRequest): readonly Approval[] {
  return current(hold).filter((approval) => choice === null || approval.choice === choice);
}

/** A call is made once under its approval, whoever comes for it; an answer may be handed on again. */
function isCandidate({ state, kind }: Approval): boolean {
  return state === "approved" || (state === "released" && kind === "action");
}

/** What was approved and not used in time; what was released in time stays so, and is not given out again. */
async function lapse(
  parts: ReleasingParts,
  hold: Hold,
  request: ReleaseRequest,
  now: number,
): Promise<Release | null> {
  const lapsed = ended(parts.entries, hold, "use_time_over", { kind: "gateway" }, now);
  if (lapsed === null) return settled(parts, hold, request, nothing);
  const conditions = { from: hold.usable_until ?? now };
  const { outcome, hold: after } = await parts.holds.change(hold, lapsed.hold, lapsed.entries, conditions);
  return outcome === "changed" ? settled(parts, after, request, nothing) : null;
}

interface Asked {
  readonly approval: Approval;
  readonly content: ApprovalContent;
  /** Null when the sign-offs do not suffice any more. */
  readonly given: ReleaseFacts["given"] | null;
  readonly ruling: Ruling;
}

interface Checked {
  readonly hold: Hold;
  readonly entries: readonly EncodedEntry[];
  /** Ids of the approvals that are given out. */
  readonly delivered: ReadonlySet<string>;
}

const nothing: ReadonlySet<string> = new Set();

/** In one go, so that all of it is on record in the order of its times. */
function recorded(
  parts: ReleasingParts,
  before: Hold,
  asked: readonly Asked[],
  { recheck, releasedTo }: ReleaseRequest,
): Checked {
  let hold: Hold = { ...before, deliveries: before.deliveries + 1 };
  const entries: EncodedEntry[] = [];
  const delivered = new Set<string>();
  for (const { approval, content, given: signedOff, ruling } of asked) {
    if (signedOff === null || ruling.outcome !== "permit") {
      const only = (one: Approval): boolean => one.id === approval.id;
      const reason = staleReason(signedOff, ruling);
      // What was released before is not given out again; that it was stays on record.
      const stale = ended(parts.entries, hold, "recheck_stricter", { kind: "gateway" }, 0, { only, reason });
      if (stale !== null) {
        const over = current(stale.hold).filter(only);
        hold = over.reduce((all, one) => replaced(all, { ...one, stale_because: reason }), stale.hold);
        entries.push(...stale.entries);
      }
      continue;
    }
    const isFirst = approval.state === "approved";
    const delivery = deliveriesOf(before, approval) + 1;
    const released = {
      ...(isFirst ? moved(moved(approval, "claim"), "deliver") : approval),
      deliveries: delivery,
    };
    if (isFirst) entries.push(recheck.decided(released, content, ruling));
    const facts = { releasedTo, delivery, given: signedOff, revision: ruling.revision };
    entries.push(parts.entries.released(released, facts));
    hold = replaced(hold, released);
    delivered.add(approval.id);
  }
  return { hold, entries, delivered };
}

/** For the record, and for whoever asked. */
function staleReason(signedOff: ReleaseFacts["given"] | null, { detail }: Ruling): string {
  if (signedOff === null)
    return "it has fewer sign-offs than it needs today by people who may still give them";
  return detail ?? "policy asks for more today than was signed off";
}

/** Of what was released before each approval counted for itself, all of a hold was given out together. */
function deliveriesOf(hold: Hold, { deliveries, state }: Approval): number {
  return deliveries ?? (state === "released" ? hold.deliveries : 0);
}

function moved(approval: Approval, event: ApprovalEvent): Approval {
  const state = nextState(approval.state, event);
  if (state === null) throw new Error(`an approval that is ${approval.state} cannot ${event}`);
  return { ...approval, state };
}

/**
 * The sign-offs given, by votes of those who are approvers today; null when one that was asked for, or its quorum of today,
 * is not reached by them.
 */
export async function given(
  { rules, nameOf }: Pick<ReleasingParts, "rules" | "nameOf">,
  approval: Approval,
): Promise<ReleaseFacts["given"] | null> {
  const required = approval.required.map(({ name, quorum }) => ({
    name,
    quorum: Math.max(quorum, rules.terms(name)?.quorum ?? Infinity),
  }));
  if (required.some(({ quorum }) => quorum === Infinity)) return null;
  const votes = await standingVotes({ rules, nameOf }, approval.votes);
  const { given: counted, complete } = tally(required, votes);
  return complete ? required.map((one) => ({ ...one, votes: counted.get(one.name) ?? 0 })) : null;
}

async function settled(
  { holds }: ReleasingParts,
  hold: Hold,
  request: ReleaseRequest,
  delivered: ReadonlySet<string>,
): Promise<Release> {
  const released: (Part & { readonly content: ApprovalContent })[] = [];
  const refused: Part[] = [];
  for (const approval of wanted(hold, request)) {
    const content = await holds.contentOf(hold, approval);
    if (!delivered.has(approval.id)) refused.push({ approval, content });
    else if (content === null) return { kind: "damaged" };
    else released.push({ approval, content });
  }
  return { kind: "settled", hold, released, refused };
}
