// What must hold of every call: decided before it was dispatched, dispatched only where that was permitted, nothing
// released that was not, completed once.

import type { Leaf, LeafOf } from "../leaf-schema.ts";
import type { CallFinding } from "./call-finding.ts";

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
  readonly writesApproved: number;
}

export interface OpenCallEntry {
  readonly call: string;
  /** Its first entry. */
  readonly entry: number;
}

interface CallState {
  readonly entry: number;
  readonly application: string;
  readonly instance: string;
  /** When it was first decided on. */
  readonly time: string;
  dispatch: number;
  /** Dispatch numbers that were permitted, with their targets. */
  readonly permits: Map<number, string | null>;
  /** It was reported as one that nothing completes. */
  abandoned: boolean;
  /** The first action that was not permitted. */
  refused: { readonly entry: number; readonly decision: "hold" | "deny" } | null;
}

/** How many completed calls are remembered, to tell "completed twice" from "never decided". */
const rememberedCompletions = 65_536;

/** Memory is bounded by the number of calls open at a time. */
export class CallRules {
  readonly #report: (finding: CallFinding) => void;
  readonly #open = new Map<string, CallState>();
  readonly #completions = new Map<string, number>();
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
    writesApproved: 0,
  };

  constructor(report: (finding: CallFinding) => void) {
    this.#report = report;
  }

  get counts(): CallCounts {
    return this.#counts;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The oldest calls that no entry completes, at most `limit`. A running gateway has some. */
  openCalls(limit: number): readonly OpenCallEntry[] {
    return [...this.#open].slice(0, limit).map(([call, state]) => ({ call, entry: state.entry }));
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
    for (const [call, state] of this.#open) {
      if (state.abandoned) continue;
      state.abandoned = true;
      this.#report({ reason: "never_completed", entry: state.entry, call, opened, resumed: entry });
    }
  }

  // Where several write, an instance's calls are completed by another before it is said that all of them are.
  #checkRecovered(entry: number, { left }: LeafOf<"log.recovered">): void {
    for (const [call, state] of this.#open) {
      if (state.instance !== left || state.abandoned) continue;
      state.abandoned = true;
      this.#report({ reason: "left_open", entry: state.entry, call, recovered: entry });
    }
  }

  #decided(entry: number, leaf: LeafOf<"call.decided">): void {
    const { call } = leaf;
    const completed = this.#completions.get(call);
    if (completed !== undefined) {
      this.#report({ reason: "decided_after_completion", entry, call, completed });
      return;
    }
    const state = this.#open.get(call) ?? this.#openCall(entry, leaf);
    this.#checkBelongs(entry, leaf, state);
    const expected = state.dispatch + 1;
    if (leaf.dispatch !== expected) {
      this.#report({ reason: "dispatch_out_of_order", entry, call, expected, found: leaf.dispatch });
    }
    state.dispatch = Math.max(state.dispatch, leaf.dispatch);
    if (leaf.decision === "permit") state.permits.set(leaf.dispatch, leaf.target);
  }

  #openCall(entry: number, leaf: LeafOf<"call.decided">): CallState {
    const { application, instance, time } = leaf;
    const state = {
      entry,
      application,
      instance,
      time,
      dispatch: 0,
      permits: new Map(),
      abandoned: false,
      refused: null,
    };
    this.#open.set(leaf.call, state);
    this.#counts.calls += 1;
    return state;
  }

  #actionDecided(entry: number, leaf: LeafOf<"action.decided">): void {
    const { call, decision } = leaf;
    const state = this.#stateOf(entry, call, "decided_after_completion");
    if (state === null) return;
    this.#checkBelongs(entry, leaf, state);
    if (!state.permits.has(leaf.dispatch)) {
      this.#report({ reason: "action_without_permit", entry, call, dispatch: leaf.dispatch });
    }
    this.#counts.actions += 1;
    if (decision === "permit") this.#permittedAction(entry, leaf);
    else state.refused ??= { entry, decision };
  }

  #permittedAction(entry: number, leaf: LeafOf<"action.decided">): void {
    this.#counts.actionsPermitted += 1;
    if (leaf.effect === "read") return;
    if (leaf.approval !== null) this.#counts.writesApproved += 1;
    else if (leaf.unattended) this.#counts.writesUnattended += 1;
    else this.#report({ reason: "write_without_basis", entry, call: leaf.call, tool: leaf.tool });
  }

  #completed(entry: number, leaf: LeafOf<"call.completed">): void {
    const { call, outcome } = leaf;
    const state = this.#stateOf(entry, call, "completed_twice");
    if (state === null) return;
    this.#checkBelongs(entry, leaf, state);
    this.#checkDispatched(entry, leaf, state);
    if (outcome === "ok" && state.refused !== null) {
      const { entry: action, decision: found } = state.refused;
      this.#report({ reason: "action_released", entry, call, action, found });
    }
    this.#open.delete(call);
    this.#remember(call, entry);
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
    if (target === null && dispatches === 0 && outcome !== "ok") return;
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
    const state = this.#open.get(call);
    if (state !== undefined) return state;
    const completed = this.#completions.get(call);
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

  #remember(call: string, entry: number): void {
    this.#completions.set(call, entry);
    if (this.#completions.size <= rememberedCompletions) return;
    const [oldest] = this.#completions.keys();
    if (oldest !== undefined) this.#completions.delete(oldest);
  }
}
