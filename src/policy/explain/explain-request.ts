// One question that policy was asked, explained: which policies speak on it, which of them determine the answer, and what
// the answer would be without one of them.

import { CedarEngines } from "../cedar-engine.ts";
import { actionOf, cedarRequest } from "../cedar-request.ts";
import { counterUses } from "../counter-uses.ts";
import { rule } from "../decide.ts";
import { type Decision, type DecisionRequest, isModelRequest, type Outcome } from "../decision.ts";
import type { LoadedPolicies } from "../load.ts";
import { type PolicyPlace, policyPlace } from "../policy-place.ts";
import type { PolicyFile } from "../policy-source.ts";
import type { PolicyGroup, Slice } from "../slice.ts";
import { voteAction } from "../world.ts";
import { namesOf } from "../world-names.ts";
import { ClauseOracle } from "./clause-oracle.ts";
import { type ExplainedPolicy, explainPolicy } from "./explain-policy.ts";

export interface ExplainedAnswer {
  /** For example `chat with \`demo/assistant\``. */
  readonly asked: string;
  readonly outcome: Outcome | null;
  readonly error: string | null;
  /** Sign-offs that the clauses are shown as if given. */
  readonly approvals: readonly string[];
  readonly policies: readonly AnsweringPolicy[];
}

export interface AnsweringPolicy extends ExplainedPolicy {
  readonly reason: string | null;
  /** Null for one of the gateway's own. */
  readonly place: PolicyPlace | null;
  readonly determines: boolean;
  /** What the outcome would be if it did not apply; null unless it forbids. */
  readonly without: Outcome | null;
}

export interface Explainable {
  readonly loaded: LoadedPolicies;
  readonly files: readonly PolicyFile[];
  readonly slices: ReadonlyMap<string, Slice>;
}

/** More permits that do not apply are not told. */
const mostOthers = 20;

/**
 * `decision` is null when facts that policies look at are not known: `unknown` has them by name, with why. `given`: sign-offs
 * that it was decided with.
 */
export function explainRequest(
  { loaded, files, slices }: Explainable,
  request: DecisionRequest,
  decision: Decision | null,
  unknown: ReadonlyMap<string, string>,
  given: readonly string[] = [],
): ExplainedAnswer {
  const asked = askedText(request);
  const slice = slices.get(actionOf(request));
  const names = namesOf(loaded);
  const isKnown = request.action === "approve" || names.applications.has(request.principal.id);
  if (slice === undefined || !isKnown) {
    const error = decision?.error ?? "the revision does not know the application or the tool";
    return { asked, outcome: decision?.outcome ?? null, error, approvals: [], policies: [] };
  }
  // What is denied is denied even if every sign-off were given, and a vote is decided as if they were.
  const asIfGiven = decision?.outcome === "deny" || request.action === "approve";
  const approvals = asIfGiven && slice.readsSignOffs ? loaded.world.signOffs : given;
  // Counters that are not on record are left out: what reads them cannot be evaluated then, and says so.
  const known = isModelRequest(request) ? (request.context.counters ?? {}) : {};
  const counters = counterUses(loaded.policies).filter(({ path }) => known[path] !== undefined);
  const described = cedarRequest(request, names, counters);
  const oracle = new ClauseOracle(loaded, described, approvals);
  const explained = { request: described, approvals, unknown };
  const policies = (slice.shadowed ?? slice).policies.map((policy) => {
    const determines = decision?.policies.some(({ id }) => id === policy.id) === true;
    const isObstacle = determines && policy.effect === "forbid";
    return {
      ...explainPolicy(policy, explained, oracle),
      reason: policy.annotations.get("reason") ?? null,
      place: policyPlace(policy, files),
      determines,
      without: isObstacle ? outcomeWithout(loaded, slice, policy.id, described) : null,
    };
  });
  const told = decision === null ? policies : toldOf(policies);
  return {
    asked,
    outcome: decision?.outcome ?? null,
    error: decision?.error ?? null,
    approvals,
    policies: told,
  };
}

/** Those that determine the answer, the shadows, and the permits that might have. */
function toldOf(policies: readonly AnsweringPolicy[]): readonly AnsweringPolicy[] {
  const others = policies.filter(
    ({ determines, shadow, scopeHolds, effect }) =>
      !determines && !shadow && scopeHolds !== false && effect === "permit",
  );
  const few = new Set(others.slice(0, mostOthers));
  return policies.filter((one) => one.determines || one.shadow || few.has(one));
}

function outcomeWithout(
  loaded: LoadedPolicies,
  slice: Slice,
  id: string,
  request: ReturnType<typeof cedarRequest>,
): Outcome {
  const others: PolicyGroup = { ...slice, policies: slice.policies.filter((policy) => policy.id !== id) };
  const slices = new Map([[request.action.id, { ...slice, ...others, shadowed: null }]]);
  const engine = new CedarEngines().prepare(loaded, slices);
  const { signOffs } = loaded.world;
  const isVote = request.action.id === voteAction;
  return rule(
    (approvals) => engine.evaluate(request, isVote ? signOffs : approvals, false),
    signOffs,
    !isVote,
  ).outcome;
}

function askedText(request: DecisionRequest): string {
  switch (request.action) {
    case "chat":
    case "embed":
      return `${request.action} with \`${request.model}\``;
    case "use_feature":
      return `use_feature \`${request.context.feature}\` of \`${request.model}\``;
    case "call_tool":
      return `call_tool \`${request.tool}\``;
    case "approve": {
      const { resource, context } = request;
      const waits = "tool" in resource ? resource.tool : resource.model;
      return `approve \`${waits}\` for \`${context.sign_off}\``;
    }
  }
}
