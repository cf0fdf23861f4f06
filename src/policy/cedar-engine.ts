// One evaluation by Cedar's own engine. Whatever goes wrong in it is an error, and an error is a deny: Cedar itself skips
// a policy that fails, which would open the gate when that policy is a forbid.

import { preparsePolicySet, preparseSchema, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import type { CedarRequest } from "./cedar-request.ts";
import type { LoadedPolicies } from "./load.ts";
import { type PolicySlice, sliceFor } from "./slice.ts";
import { type PolicyWorld, uncataloguedTool } from "./world.ts";

export type Evaluation =
  | { readonly allowed: boolean; readonly determining: readonly string[]; readonly error: null }
  | { readonly allowed: false; readonly determining: readonly string[]; readonly error: string };

export interface PolicyEvaluator {
  /** What the policies of an action read; null for an action that the schema does not have. */
  slice(action: string): PolicySlice | null;
  evaluate(request: CedarRequest): Evaluation;
}

/** Preparsed sets live in WASM under their names for ever, so two names alternate: the active set and the next. */
let generation = 0;

export function cedarEngine(loaded: LoadedPolicies, world: PolicyWorld): PolicyEvaluator {
  generation = (generation + 1) % 2;
  const prefix = `portcullis:${generation}`;
  must(preparseSchema(prefix, loaded.schema));
  const slices = new Map<string, PolicySlice>();
  const add = (action: string, groups: readonly string[]): void => {
    const slice = sliceFor(loaded.policies, action, groups);
    const staticPolicies = Object.fromEntries(slice.policies.map((policy) => [policy.id, policy.text]));
    must(preparsePolicySet(`${prefix}:${action}`, { staticPolicies }));
    slices.set(action, slice);
  };
  for (const action of ["chat", "embed", "use_feature"]) add(action, []);
  for (const tool of [uncataloguedTool, ...world.tools]) add(tool, ["call_tool"]);
  return { slice: (action) => slices.get(action) ?? null, evaluate: (request) => evaluate(prefix, request) };
}

function evaluate(prefix: string, request: CedarRequest): Evaluation {
  try {
    const answer = statefulIsAuthorized({
      principal: request.principal,
      action: request.action,
      resource: request.resource,
      context: request.context,
      entities: request.entities,
      preparsedSchemaName: prefix,
      preparsedPolicySetId: `${prefix}:${request.action.id}`,
      validateRequest: true,
    });
    if (answer.type === "failure") return failed([], "the request does not fit the schema");
    const { decision, diagnostics } = answer.response;
    if (diagnostics.errors.length > 0) {
      const ids = diagnostics.errors.map((error) => error.policyId).sort();
      return failed(ids, `evaluating ${ids.map((id) => `\`${id}\``).join(", ")} failed`);
    }
    return { allowed: decision === "allow", determining: diagnostics.reason.toSorted(), error: null };
  } catch {
    return failed([], "the policy engine failed");
  }
}

function failed(determining: readonly string[], error: string): Evaluation {
  return { allowed: false, determining, error };
}

function must(answer: { readonly type: string }): void {
  if (answer.type !== "success") throw new Error("a policy set that was validated does not parse");
}
