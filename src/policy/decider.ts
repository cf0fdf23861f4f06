// One revision, ready to decide: its slices, its engine and the decisions it has already taken.

import type { DeterminingPolicy } from "../core/refusal.ts";
import { actionOf, type CedarRequest, cedarRequest } from "./cedar-request.ts";
import { type Ruling, rule } from "./decide.ts";
import type { Decision, DecisionRequest, Verdict } from "./decision.ts";
import { cacheKey, DecisionCache } from "./decision-cache.ts";
import { undescribableBy, unknownApplication } from "./describable.ts";
import type { Evaluator } from "./evaluator.ts";
import type { LoadedPolicies } from "./load.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyGroup, Slice } from "./slice.ts";

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
  const verdictOf = ({ policies, ...ruling }: Ruling): Verdict => ({
    ...ruling,
    policies: policies.map((id) => ({ id, reason: reasons.get(id) ?? id })),
  });
  const failed = (error: string): Decision => ({ ...verdictOf(failure(error)), revision, shadow: null });
  const undescribable = undescribableBy(applications);
  const evaluate = (request: DecisionRequest, slice: Slice): Decision => {
    const application = applications.get(request.principal.id);
    if (application === undefined) return failed(unknownApplication);
    const asked = cedarRequest(request, application);
    const ruled = (group: PolicyGroup, shadowed: boolean): Verdict =>
      verdictOf(ruleOn(engine, asked, group, shadowed, loaded.world.signOffs));
    const verdict = ruled(slice, false);
    return { ...verdict, revision, shadow: slice.shadowed === null ? null : ruled(slice.shadowed, true) };
  };
  const decide = (request: DecisionRequest): Decision => {
    const slice = slices.get(actionOf(request));
    if (slice === undefined) return failed("the tool is not in the catalog that policies know");
    // INVARIANT: asked before the cache is, so that what was remembered of another request permits none that lacks a fact.
    const problem = undescribable(request);
    if (problem !== null) return failed(problem);
    const key = cache === null ? null : cacheKey(request, slice.reads);
    const known = key === null ? undefined : cache?.get(key);
    if (known !== undefined) return known;
    const decision = evaluate(request, slice);
    if (key !== null) cache?.set(key, decision);
    return decision;
  };
  return {
    revision,
    decide: (request) => {
      try {
        return decide(request);
      } catch {
        return failed("the decision failed");
      }
    },
  };
}

function ruleOn(
  engine: Evaluator,
  request: CedarRequest,
  { readsSignOffs }: PolicyGroup,
  shadowed: boolean,
  declared: readonly string[],
): Ruling {
  return rule((approvals) => engine.evaluate(request, approvals, shadowed), declared, readsSignOffs);
}

function failure(error: string): Ruling {
  return { outcome: "deny", policies: [], signOffs: [], error };
}

function reasonOf({ id, effect, annotations }: ParsedPolicy): DeterminingPolicy["reason"] {
  return (
    annotations.get("reason") ?? `${effect === "permit" ? "permitted" : "forbidden"} by policy \`${id}\``
  );
}
