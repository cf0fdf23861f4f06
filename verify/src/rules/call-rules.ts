// What must hold of every call: decided before it was dispatched, dispatched only where that was permitted, nothing
// released that was not, completed once.

import type { Leaf, LeafOf } from "../leaves/leaf-schema.ts";
import type { CallBook, CallState, Decided } from "./call-book.ts";
import type { CallFinding } from "./call-finding.ts";
import type { HoldBook } from "./hold-book.ts";
import { OutcomeRules } from "./outcome-rules.ts";

export interface CallCounts {
  readonly calls: number;
  readonly completed: number;
  /** Completions by recovery: what became of the call is not known. */
  readonly unknownOutcomes: number;
  /** Completed calls of which something went to a provider. */
  readonly dispatched: number;
  readonly actions: number;
  readonly actionsPermitted: number;
  readonly writesUnattended: number;
}

export interface OpenCallEntry {
  readonly call: string;
  /** Its first entry. */
  readonly entry: number;
}

export class CallRules {
  readonly #report: (finding: CallFinding) => void;
  readonly #calls: CallBook;
  readonly #outcomes: OutcomeRules;
  /** Where the gateway started again, while its recovery may still be at work; else null. */
  #recoveringSince: number | null = null;
  readonly #counts = {
    calls: 0,
    completed: 0,
    unknownOutcomes: 0,
    dispatched: 0,
    actions: 0,
    actionsPermitted: 0,
    writesUnattended: 0,
  };

  constructor(calls: CallBook, holds: HoldBook, report: (finding: CallFinding) => void) {
    this.#calls = calls;
    this.#report = report;
    this.#outcomes = new OutcomeRules(holds, report);
  }

  get counts(): CallCounts {
    return this.#counts;
  }

  get openCount(): number {
    return this.#calls.size;
  }

  /** The oldest calls that no entry completes, at most `limit`. A running gateway has some. */
  openCalls(limit: number): readonly OpenCallEntry[] {
    return [...this.#calls.entries()].slice(0, limit).map(([call, { entry }]) => ({ call, entry }));
  }

  observe(entry: number, leaf: Leaf): void {
    this.#observeRecovery(entry, leaf);
    if (leaf.type === "call.decided") this.#decided(entry, leaf);
    if (leaf.type === "action.decided") this.#actionDecided(entry, leaf);
    if (leaf.type === "call.completed") this.#completed(entry, leaf);
  }

  // A gateway that starts completes what an earlier one left open before it takes a call of its own, or ends. Killed
  // meanwhile, it leaves the rest to the next.
  #observeRecovery(entry: number, leaf: Leaf): void {
    const { type } = leaf;
    if (type === "log.opened") this.#recoveringSince = entry;
    if (type === "log.recovered") this.#checkRecovered(entry, leaf);
    if ((type !== "call.decided" && type !== "log.closed") || this.#recoveringSince === null) return;
    const opened = this.#recoveringSince;
    this.#recoveringSince = null;
    for (const [call, state] of this.#calls.entries()) {
      if (state.abandoned) continue;
      state.abandoned = true;
      this.#report({ reason: "never_completed", entry: state.entry, call, opened, resumed: entry });
    }
  }

  // Where several write, an instance's calls are completed by another before it is said that all of them are.
  #checkRecovered(entry: number, { left }: LeafOf<"log.recovered">): void {
    for (const [call, state] of this.#calls.entries()) {
      if (state.instance !== left || state.abandoned) continue;
      state.abandoned = true;
      this.#report({ reason: "left_open", entry: state.entry, call, recovered: entry });
    }
  }

  #decided(entry: number, leaf: LeafOf<"call.decided">): void {
    const { call } = leaf;
    const completed = this.#calls.completedBy(call);
    if (completed !== undefined) {
      this.#report({ reason: "decided_after_completion", entry, call, completed });
      return;
    }
    const state = this.#calls.get(call) ?? this.#openCall(entry, leaf);
    this.#checkBelongs(entry, leaf, state);
    const expected = state.dispatch + 1;
    if (leaf.dispatch !== expected) {
      this.#report({ reason: "dispatch_out_of_order", entry, call, expected, found: leaf.dispatch });
    }
    state.dispatch = Math.max(state.dispatch, leaf.dispatch);
    if (leaf.hold !== undefined) state.picksUp = { hold: leaf.hold, choice: leaf.choice ?? null };
    if (leaf.decision === "permit") {
      // What is answered from a hold goes nowhere.
      state.permits.set(leaf.dispatch, leaf.hold === undefined ? leaf.target : null);
    }
    if (leaf.decision === "hold") state.held.set(leaf.dispatch, decidedBy(entry, leaf, null));
  }

  #openCall(entry: number, leaf: LeafOf<"call.decided">): CallState {
    this.#counts.calls += 1;
    return this.#calls.open(entry, leaf);
  }

  #actionDecided(entry: number, leaf: LeafOf<"action.decided">): void {
    const { call, decision } = leaf;
    const state = this.#stateOf(entry, call, "decided_after_completion");
    if (state === null) return;
    this.#checkBelongs(entry, leaf, state);
    if (!state.permits.has(leaf.dispatch)) {
      this.#report({ reason: "action_without_permit", entry, call, dispatch: leaf.dispatch });
    }
    const known = state.actions.get(leaf.action);
    if (leaf.approval === null) {
      this.#counts.actions += 1;
      if (known !== undefined) {
        this.#report({ reason: "action_decided_again", entry, call, earlier: known.entry });
        return;
      }
    }
    if (known === undefined) state.actions.set(leaf.action, decidedBy(entry, leaf, leaf.tool));
    else known.decision = decision;
    if (decision === "permit") this.#permittedAction(entry, leaf);
  }

  #permittedAction(entry: number, leaf: LeafOf<"action.decided">): void {
    this.#counts.actionsPermitted += 1;
    if (leaf.effect === "read" || leaf.approval !== null) return;
    if (leaf.unattended) this.#counts.writesUnattended += 1;
    else this.#report({ reason: "write_without_basis", entry, call: leaf.call, tool: leaf.tool });
  }

  #completed(entry: number, leaf: LeafOf<"call.completed">): void {
    const { call, outcome } = leaf;
    const state = this.#stateOf(entry, call, "completed_twice");
    if (state === null) return;
    this.#checkBelongs(entry, leaf, state);
    this.#checkDispatched(entry, leaf, state);
    this.#outcomes.check(entry, leaf, state);
    this.#calls.complete(call, entry);
    this.#counts.completed += 1;
    if (outcome === "unknown") this.#counts.unknownOutcomes += 1;
  }

  // A retry goes to a target that was permitted before, so there may be more dispatches than permits; there is no
  // dispatch without one.
  #checkDispatched(entry: number, leaf: LeafOf<"call.completed">, state: CallState): void {
    const { target, dispatches, outcome, call } = leaf;
    for (const { dispatch, target: found } of leaf.failed ?? []) {
      const permit = state.permits.get(dispatch);
      if (permit === found) continue;
      const expected = typeof permit === "string" ? [permit] : [];
      this.#report({ reason: "dispatched_without_permit", entry, call, expected, found });
    }
    // An answer that waited is handed on without a dispatch.
    const mayBeNone = outcome !== "ok" || leaf.hold !== undefined;
    if (target === null && dispatches === 0 && mayBeNone) return;
    if (outcome !== "unknown") this.#counts.dispatched += 1;
    const permitted = [...state.permits.values()];
    if (target !== null && permitted.includes(target)) return;
    const expected = permitted.filter((one) => one !== null);
    this.#report({ reason: "dispatched_without_permit", entry, call, expected, found: target });
  }

  #stateOf(
    entry: number,
    call: string,
    late: "decided_after_completion" | "completed_twice",
  ): CallState | null {
    const state = this.#calls.get(call);
    if (state !== undefined) return state;
    const completed = this.#calls.completedBy(call);
    if (completed === undefined) this.#report({ reason: "no_decision", entry, call });
    else this.#report({ reason: late, entry, call, completed });
    return null;
  }

  #checkBelongs(
    entry: number,
    leaf: LeafOf<"call.decided" | "action.decided" | "call.completed">,
    state: CallState,
  ): void {
    const { call, application: found } = leaf;
    const expected = state.application;
    if (found !== expected) this.#report({ reason: "other_application", entry, call, expected, found });
    // RFC 3339 in UTC with milliseconds sorts as text.
    if (leaf.time < state.time) {
      this.#report({
        reason: "stamped_before_decision",
        entry,
        call,
        expected: state.time,
        found: leaf.time,
      });
    }
  }
}

function decidedBy(
  entry: number,
  leaf: LeafOf<"call.decided" | "action.decided">,
  tool: string | null,
): Decided {
  const { decision, sign_offs: signOffs, revision } = leaf;
  const place =
    leaf.type === "call.decided"
      ? { target: leaf.target, choice: null }
      : { target: null, choice: leaf.choice };
  return { entry, decision, tool, ...place, signOffs, revision, asked: false };
}
