// One revision, ready to decide: its slices, its engine and the decisions it has already taken.

import type { DeterminingPolicy } from "../core/refusal.ts";
import { actionOf, type CedarRequest, cedarRequest } from "./cedar-request.ts";
import { type Ruling, rule } from "./decide.ts";
import type { Decision, DecisionRequest } from "./decision.ts";
import { cacheKey, DecisionCache } from "./decision-cache.ts";
import { undescribableBy, unknownApplication } from "./describable.ts";
import type { Evaluator } from "./evaluator.ts";
import type { LoadedPolicies } from "./load.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";
import type { Slice } from "./slice.ts";

export interface Decider {
  readonly revision: string;
  /** Never throws. */
  readonly decide: (request: DecisionRequest) => Decision;
}

/** A few hundred bytes each. */
export const cachedDecisions = 20_000;

export function decider(
  loaded: LoadedPolicies,
  slices: ReadonlyMap<string, Slice>,
  engine: Evaluator,
  cache: DecisionCache | null = new DecisionCache(cachedDecisions),
): Decider {
  const revision = loaded.revision.id;
  const applications = new Map(
    loaded.world.applications.map((application) => [application.name, application]),
  );
  const reasons = new Map(loaded.policies.map((policy) => [policy.id, reasonOf(policy)]));
  const decisionOf = ({ policies, ...ruling }: Ruling): Decision => ({
    ...ruling,
    policies: policies.map((id) => ({ id, reason: reasons.get(id) ?? id })),
    revision,
  });
  const undescribable = undescribableBy(applications);
  const evaluate = (request: DecisionRequest, slice: Slice): Ruling => {
    const application = applications.get(request.principal.id);
    if (application === undefined) return failure(unknownApplication);
    return ruleOn(engine, cedarRequest(request, application), slice, loaded.world.signOffs);
  };
  const decide = (request: DecisionRequest): Decision => {
    const slice = slices.get(actionOf(request));
    if (slice === undefined) return decisionOf(failure("the tool is not in the catalog that policies know"));
    // INVARIANT: asked before the cache is, so that what was remembered of another request permits none that lacks a fact.
    const problem = undescribable(request);
    if (problem !== null) return decisionOf(failure(problem));
    const key = cache === null ? null : cacheKey(request, slice.reads);
    const known = key === null ? undefined : cache?.get(key);
    if (known !== undefined) return known;
    const decision = decisionOf(evaluate(request, slice));
    if (key !== null) cache?.set(key, decision);
    return decision;
  };
  return {
    revision,
    decide: (request) => {
      try {
        return decide(request);
      } catch {
        return decisionOf(failure("the decision failed"));
      }
    },
  };
}

function ruleOn(engine: Evaluator, request: CedarRequest, slice: Slice, declared: readonly string[]): Ruling {
  return rule((approvals) => engine.evaluate(request, approvals), declared, slice.readsSignOffs);
}

function failure(error: string): Ruling {
  return { outcome: "deny", policies: [], signOffs: [], error };
}

function reasonOf({ id, effect, annotations }: ParsedPolicy): DeterminingPolicy["reason"] {
  return (
    annotations.get("reason") ?? `${effect === "permit" ? "permitted" : "forbidden"} by policy \`${id}\``
  );
}
