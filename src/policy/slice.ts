// The part of a policy set that can matter for one action, and the context attributes that this part reads.

import type { ActionConstraint } from "@cedar-policy/cedar-wasm/nodejs";
import { contextAttribute, type ParsedPolicy, visitExpressions } from "./parsed-policy.ts";

export interface PolicySlice {
  readonly policies: readonly ParsedPolicy[];
  /** Sorted. A decision depends on no other attribute of the context. */
  readonly reads: readonly string[];
}

/** `groups` are the action groups that the action is in. */
export function sliceFor(
  policies: readonly ParsedPolicy[],
  action: string,
  groups: readonly string[],
): PolicySlice {
  const names = new Set([action, ...groups]);
  const matching = policies.filter((policy) => canMatch(policy.json.action, names));
  const reads = new Set<string>();
  for (const policy of matching) {
    visitExpressions(policy.json, (operator, body) => {
      const attribute = contextAttribute(operator, body);
      if (attribute !== null) reads.add(attribute);
    });
  }
  return { policies: matching, reads: [...reads].sort() };
}

function canMatch(constraint: ActionConstraint, names: ReadonlySet<string>): boolean {
  if (constraint.op === "All") return true;
  if ("slot" in constraint) return true;
  const entities = "entities" in constraint ? constraint.entities : [constraint.entity];
  return entities.some((entity) => names.has("__entity" in entity ? entity.__entity.id : entity.id));
}
