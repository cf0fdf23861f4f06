// What must hold between how a call ended and what was decided and signed off: nothing was handed on that was not permitted,
// and what is said to wait does.

import type { LeafOf } from "../leaves/leaf-schema.ts";
import type { CallState } from "./call-book.ts";
import type { CallFinding } from "./call-finding.ts";
import type { HoldBook, KnownHold } from "./hold-book.ts";

type Completed = LeafOf<"call.completed">;

export class OutcomeRules {
  readonly #holds: HoldBook;
  readonly #report: (finding: CallFinding) => void;

  constructor(holds: HoldBook, report: (finding: CallFinding) => void) {
    this.#holds = holds;
    this.#report = report;
  }

  check(entry: number, leaf: Completed, state: CallState): void {
    const hold = leaf.hold === undefined ? null : this.#holdOf(entry, leaf, leaf.hold);
    const { outcome } = leaf;
    if (outcome === "ok") this.#checkOwnPermitted(entry, leaf, state);
    if (outcome === "partial" && leaf.hold === undefined) this.#checkOwnParts(entry, leaf, state);
    if (hold !== null && (outcome === "ok" || outcome === "partial")) {
      this.#checkHandedOn(entry, leaf, state, hold);
    }
    if (outcome === "partial" || outcome === "held") this.#checkAsked(entry, leaf, state);
    if (outcome === "held" || outcome === "withheld") this.#checkNothingReleased(entry, leaf, state);
  }

  /** Null where there is nothing to hold the call against. */
  #holdOf(entry: number, { call, application }: Completed, id: string): KnownHold | null {
    const hold = this.#holds.hold(id);
    if (hold === undefined && this.#holds.hasForgotten) return null;
    if (hold?.approvals[0]?.asked.application === application) return hold;
    this.#report({ reason: "hold_unknown", entry, call, hold: id });
    return null;
  }

  #checkOwnPermitted(entry: number, { call }: Completed, { actions }: CallState): void {
    for (const { entry: action, decision: found } of actions.values()) {
      if (found === "permit") continue;
      this.#report({ reason: "action_released", entry, call, action, found });
      return;
    }
  }

  #checkHandedOn(
    entry: number,
    { call, outcome }: Completed,
    { released, actions, picksUp }: CallState,
    hold: KnownHold,
  ): void {
    const choice = picksUp?.choice ?? null;
    const meant = hold.approvals.filter((one) => choice === null || one.choice === choice);
    const left = meant.filter(({ id }) => !released.has(id));
    // What is permitted outright is handed on with what was signed off, or without it where that was refused or there is none.
    const hasPermitted = choice === null ? hold.permitted.size > 0 : hold.permitted.has(choice);
    const mayBeNone = hasPermitted && (outcome === "partial" || meant.length === 0);
    if (left.length === meant.length && !mayBeNone) {
      this.#report({ reason: "nothing_released", entry, call });
    } else if (outcome === "partial" && left.length === 0 && !someRefused(actions)) {
      this.#report({ reason: "nothing_withheld", entry, call });
    } else if (outcome === "ok" && left[0] !== undefined) {
      this.#report({ reason: "hold_not_released", entry, call, left: left[0].id });
    }
  }

  #checkOwnParts(entry: number, { call }: Completed, { actions }: CallState): void {
    const decisions = [...actions.values()].map(({ decision }) => decision);
    if (!decisions.includes("permit")) this.#report({ reason: "nothing_released", entry, call });
    else if (decisions.every((one) => one === "permit"))
      this.#report({ reason: "nothing_withheld", entry, call });
  }

  /** Before there was anybody to ask, an answer with something held in it was withheld. */
  #checkAsked(entry: number, { call }: Completed, { actions }: CallState): void {
    for (const { entry: action, decision, asked } of actions.values()) {
      if (decision === "hold" && !asked) this.#report({ reason: "nobody_asked", entry, call, action });
    }
  }

  #checkNothingReleased(entry: number, { call, outcome }: Completed, { released }: CallState): void {
    const [first] = released.values();
    if (first !== undefined)
      this.#report({ reason: "released_nonetheless", entry, call, outcome, released: first });
  }
}

/** What was permitted beside what waited, and is not any more. */
function someRefused(actions: CallState["actions"]): boolean {
  for (const { decision } of actions.values()) if (decision !== "permit") return true;
  return false;
}
