// What Cedar's validator cannot know: rules of this product that keep a policy from meaning less than it says.

import { argumentPaths } from "./argument-reads.ts";
import { argumentsFact, callerLongs } from "./context-facts.ts";
import { contextAttribute, type Expression, expressionsIn } from "./expression.ts";
import type { Finding } from "./finding.ts";
import { annotationFindings } from "./lint-annotations.ts";
import { argumentFindings } from "./lint-arguments.ts";
import { counterFindings } from "./lint-counters.ts";
import { nameFindings } from "./lint-names.ts";
import { signOffFindings } from "./lint-sign-offs.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyWorld } from "./world.ts";

export function lint(policy: ParsedPolicy, world: PolicyWorld): readonly Finding[] {
  return [
    ...annotationFindings(policy, world),
    ...signOffFindings(policy, world),
    ...nameFindings(policy, world),
    ...argumentFindings(policy, world),
    ...arithmeticFindings(policy),
    ...counterFindings(policy),
  ];
}

const arithmetic: ReadonlySet<string> = new Set(["+", "-", "*"]);

// The strict validator passes arithmetic that overflows, and a policy that fails denies every call it is asked about.
function arithmeticFindings(policy: ParsedPolicy): readonly Finding[] {
  for (const expression of policy.conditions.flatMap(({ body }) => [...expressionsIn(body)])) {
    if (!arithmetic.has(expression.op)) continue;
    const path = callersLong(expression);
    if (path === null) continue;
    const whose = path.length > 1 ? "the model" : "the client";
    return [
      {
        message: `\`${expression.op}\` on \`context.${path.join(".")}\`, which ${whose} can make as large as it likes`,
        help: "compare it with a number instead: an overflow would be an error, and so a deny",
        near: path.at(-1) ?? "",
      },
    ];
  }
  return [];
}

function callersLong(expression: Expression): readonly string[] | null {
  const [argument] = argumentPaths(expression);
  if (argument !== undefined) return [argumentsFact, ...argument.steps];
  const fact = [...expressionsIn(expression)]
    .map(contextAttribute)
    .find((name) => callerLongs.has(name ?? ""));
  return fact === undefined || fact === null ? null : [fact];
}
