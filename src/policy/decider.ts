// One revision, ready to decide: its slices, its engine and the decisions it has already taken.

import { calendarWindows } from "../core/calendar-window.ts";
import type { DeterminingPolicy } from "../core/refusal.ts";
import { actionOf, type CedarRequest, cedarRequest } from "./cedar-request.ts";
import { type CounterUse, counterUses, limitWindow } from "./counter-uses.ts";
import { type Ruling, rule } from "./decide.ts";
import { type Decision, type DecisionRequest, isModelRequest, type Verdict } from "./decision.ts";
import { cacheKey, DecisionCache } from "./decision-cache.ts";
import { undescribableBy } from "./describable.ts";
import type { Evaluator } from "./evaluator.ts";
import type { LoadedPolicies } from "./load.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";
import { isLong } from "./scalar-facts.ts";
import type { PolicyGroup, Slice } from "./slice.ts";
import { voteAction } from "./world.ts";
import { namesOf } from "./world-names.ts";

export interface Decider {
  readonly revision: string;
  /** What its policies read of what was used. */
  readonly counters: readonly CounterUse[];
  /** Never throws. */
  readonly decide: (request: DecisionRequest, given?: readonly string[]) => Decision;
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
  const names = namesOf(loaded);
  // Made once: every decision that is remembered names some of them.
  const named = new Map(
    loaded.policies.map((policy) => [policy.id, { id: policy.id, reason: reasonOf(policy) }]),
  );
  const counters = counterUses(loaded.policies);
  const untilOf = endOfLimits(loaded.policies);
  const verdictOf = ({ policies, ...ruling }: Ruling): Verdict => ({
    ...ruling,
    policies: policies.map((id) => named.get(id) ?? { id, reason: id }),
    ...untilOf({ ...ruling, policies }),
  });
  const failed = (error: string): Decision => ({ ...verdictOf(failure(error)), revision, shadow: null });
  const undescribable = undescribableBy(names);
  const evaluate = (request: DecisionRequest, slice: Slice, given: readonly string[]): Decision => {
    const asked = cedarRequest(request, names, counters);
    const ruled = (group: PolicyGroup, shadowed: boolean): Verdict =>
      verdictOf(ruleOn(engine, asked, { ...group, shadowed }, loaded.world.signOffs, given));
    const verdict = ruled(slice, false);
    return { ...verdict, revision, shadow: slice.shadowed === null ? null : ruled(slice.shadowed, true) };
  };
  const decide = (request: DecisionRequest, given: readonly string[]): Decision => {
    const slice = slices.get(actionOf(request));
    if (slice === undefined) return failed("the tool is not in the catalog that policies know");
    // INVARIANT: asked before the cache is, so that what was remembered of another request permits none that lacks a fact.
    const problem = undescribable(request);
    if (problem !== null) return failed(problem);
    const uncounted = missingCounter(request, counters);
    if (uncounted !== null) return failed(`the counter \`${uncounted}\` was not read`);
    // What was signed off is asked about once.
    const key = cache === null || given.length > 0 ? null : cacheKey(request, slice);
    const known = key === null ? undefined : cache?.get(key);
    if (known !== undefined) return known;
    const decision = evaluate(request, slice, given);
    if (key !== null) cache?.set(key, decision);
    return decision;
  };
  return {
    revision,
    counters,
    decide: (request, given = []) => {
      try {
        return decide(request, given);
      } catch {
        return failed("the decision failed");
      }
    },
  };
}

function ruleOn(
  engine: Evaluator,
  request: CedarRequest,
  { readsSignOffs, shadowed }: PolicyGroup & { readonly shadowed: boolean },
  declared: readonly string[],
  given: readonly string[],
): Ruling {
  // Sign-offs are what a vote is for: none of them stands in its way, and it waits for none.
  if (request.action.id === voteAction) {
    return rule(() => engine.evaluate(request, declared, shadowed), [], false);
  }
  const evaluate = (approvals: readonly string[]) => engine.evaluate(request, approvals, shadowed);
  return rule(evaluate, declared, readsSignOffs, given);
}

function failure(error: string): Ruling {
  return { outcome: "deny", policies: [], signOffs: [], error };
}

/** INVARIANT: a counter that policies read and that nobody has read is a deny, and never a zero. */
function missingCounter(request: DecisionRequest, counters: readonly CounterUse[]): string | null {
  if (!isModelRequest(request)) return null;
  for (const { path, of } of counters) {
    const value = request.context.counters?.[path];
    if (value === null && of.kind === "user" && request.context.user === undefined) continue;
    if (!isLong(value) || value < 0) return path;
  }
  return null;
}

/** Windows that have to end before anything else can be said, where limits alone have denied. */
function endOfLimits(policies: readonly ParsedPolicy[]): (ruling: Ruling) => Pick<Verdict, "until"> {
  const windows = new Map(policies.map((policy) => [policy.id, limitWindow(policy)]));
  return ({ outcome, error, policies: ids }) => {
    if (outcome !== "deny" || error !== null || !ids.every((id) => windows.get(id))) return {};
    const until = calendarWindows.findLast((window) => ids.some((id) => windows.get(id) === window));
    return until === undefined ? {} : { until };
  };
}

function reasonOf({ id, effect, annotations }: ParsedPolicy): DeterminingPolicy["reason"] {
  return (
    annotations.get("reason") ?? `${effect === "permit" ? "permitted" : "forbidden"} by policy \`${id}\``
  );
}
