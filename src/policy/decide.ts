// The three outcomes. Cedar knows allow and deny; a hold is a deny that sign-offs would turn into an allow, found by
// evaluating again as if they were given.

import type { Outcome } from "./decision.ts";
import type { Evaluation } from "./evaluator.ts";

/** A decision by ids. */
export interface Ruling {
  readonly outcome: Outcome;
  readonly policies: readonly string[];
  readonly signOffs: readonly string[];
  readonly error: string | null;
}

/**
 * `evaluate` answers as if exactly those sign-offs were given; `given` are. `declared` is in config order. An error in any
 * evaluation is a deny.
 */
export function rule(
  evaluate: (approvals: readonly string[]) => Evaluation,
  declared: readonly string[],
  readsSignOffs: boolean,
  given: readonly string[] = [],
): Ruling {
  const now = evaluate(given);
  if (now.outcome === "error") return failed(now);
  if (now.outcome === "allow") return ruling("permit", now.policies);
  if (!readsSignOffs) return ruling("deny", now.policies);
  const signed = evaluate(declared);
  if (signed.outcome === "error") return failed(signed);
  if (signed.outcome === "deny") return ruling("deny", signed.policies);
  return hold(evaluate, declared, now.policies, signed.policies);
}

// Each sign-off is left out in turn and stays out if the rest still allows. `default` is tried last, so that it
// remains only where no policy asks for another.
function hold(
  evaluate: (approvals: readonly string[]) => Evaluation,
  declared: readonly string[],
  forbids: readonly string[],
  permitsOfAll: readonly string[],
): Ruling {
  let needed = declared;
  let permits = permitsOfAll;
  for (const name of [...declared.filter((one) => one !== "default"), "default"]) {
    const rest = needed.filter((one) => one !== name);
    const without = evaluate(rest);
    if (without.outcome === "error") return failed(without);
    if (without.outcome === "deny") continue;
    needed = rest;
    permits = without.policies;
  }
  // Where nothing forbids it, it is the permits that wait for a sign-off.
  return { ...ruling("hold", forbids.length > 0 ? forbids : permits), signOffs: needed };
}

function ruling(outcome: Outcome, policies: readonly string[]): Ruling {
  return { outcome, policies, signOffs: [], error: null };
}

function failed({ policies, error }: Extract<Evaluation, { outcome: "error" }>): Ruling {
  return { outcome: "deny", policies, signOffs: [], error };
}
