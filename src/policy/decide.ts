// The three outcomes, from an engine that knows two: permit as things are; else hold, when sign-offs would make it a
// permit, for the smallest set that does; else deny.

import type { DeterminingPolicy } from "../core/refusal.ts";
import type { Evaluation, PolicyEvaluator } from "./cedar-engine.ts";
import type { CedarRequests } from "./cedar-request.ts";
import type { Decision, DecisionRequest, Outcome } from "./decision.ts";

export interface DecisionBasis {
  readonly evaluator: PolicyEvaluator;
  readonly requests: CedarRequests;
  /** In config order. */
  readonly signOffs: readonly string[];
  readonly reasons: ReadonlyMap<string, string>;
  readonly revision: string;
}

export function decideWith(basis: DecisionBasis, request: DecisionRequest): Decision {
  const evaluate = (approvals: readonly string[]): Evaluation => {
    const cedar = basis.requests.build(request, approvals);
    if (cedar === null)
      return { allowed: false, determining: [], error: "the application is not in the config" };
    return basis.evaluator.evaluate(cedar);
  };
  const now = evaluate([]);
  if (now.error !== null) return decision(basis, "deny", now);
  if (now.allowed) return decision(basis, "permit", now);
  const atBest = evaluate(basis.signOffs);
  if (atBest.error !== null || !atBest.allowed) return decision(basis, "deny", atBest);
  const needed = smallestSet(basis.signOffs, (approvals) => evaluate(approvals));
  return decision(basis, "hold", now, needed);
}

/** `default` is dropped last, so that it remains only when no other sign-off does. An error counts as not allowed. */
function smallestSet(
  declared: readonly string[],
  evaluate: (approvals: readonly string[]) => Evaluation,
): readonly string[] {
  let needed = declared;
  for (const name of [...declared.filter((one) => one !== "default"), "default"]) {
    const without = needed.filter((one) => one !== name);
    if (without.length < needed.length && evaluate(without).allowed) needed = without;
  }
  return needed;
}

function decision(
  basis: DecisionBasis,
  outcome: Outcome,
  evaluation: Evaluation,
  signOffs: readonly string[] = [],
): Decision {
  const policies: readonly DeterminingPolicy[] = evaluation.determining.map((id) => ({
    id,
    reason: basis.reasons.get(id) ?? id,
  }));
  return { outcome, policies, signOffs, error: evaluation.error, revision: basis.revision };
}
