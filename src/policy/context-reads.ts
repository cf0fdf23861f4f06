// Which facts a policy looks at: a decision rests on nothing else of the context, so a cached one is good for every
// request in which these are equal.

import { isCounterRoot } from "./counter-facts.ts";
import { contextAttribute, expressionsIn } from "./expression.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";

/** The attributes of `context` that a policy reads or asks for, counters aside. The linter has refused policies that use `context` whole. */
export function contextReads(policy: ParsedPolicy): ReadonlySet<string> {
  const reads = new Set<string>();
  for (const condition of policy.conditions) {
    for (const expression of expressionsIn(condition.body)) {
      const attribute = contextAttribute(expression);
      if (attribute !== null && !isCounterRoot(attribute)) reads.add(attribute);
    }
  }
  return reads;
}
