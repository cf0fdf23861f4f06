// More sign-offs must never mean less: the smallest set that lifts a hold is found by leaving sign-offs out, and an
// approval may be given one vote at a time. So they may occur only where giving one can only help.

import { approvalsFact, signedOffFact } from "./context-facts.ts";
import { contextAttribute, type Expression, expressionsIn, isContext } from "./expression.ts";
import type { Finding } from "./finding.ts";
import type { Condition, ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyWorld } from "./world.ts";

export function signOffFindings(policy: ParsedPolicy, world: PolicyWorld): readonly Finding[] {
  return policy.conditions.flatMap(({ kind, body }) => {
    const helps = policy.effect === "permit" ? kind === "when" : kind === "unless";
    return findingsIn(body, helps, world);
  });
}

/** Sign-offs that the policy asks for in conditions of that kind; `context.signed_off` counts as `default`. */
export function approvalTests(policy: ParsedPolicy, kind: Condition["kind"]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const condition of policy.conditions) {
    if (condition.kind !== kind) continue;
    for (const expression of expressionsIn(condition.body)) {
      const name = approvalTest(expression);
      if (name !== null) names.add(name);
      if (isSignedOff(expression)) names.add("default");
    }
  }
  return names;
}

/** `helps`: whether the policy set can only permit more when the expression is true rather than false. */
function findingsIn(expression: Expression, helps: boolean, world: PolicyWorld): readonly Finding[] {
  const name = approvalTest(expression);
  if (name !== null) return [...(helps ? [] : [misplaced(approvalsFact)]), ...undeclared(name, world)];
  if (isSignedOff(expression)) return helps ? [] : [misplaced(signedOffFact)];
  const attribute = contextAttribute(expression);
  if (attribute === approvalsFact) return [otherUse];
  if (attribute === signedOffFact) return [misplaced(signedOffFact)];
  if (attribute !== null) return [];
  if (isContext(expression)) return [contextWhole];
  return expression.parts.flatMap((part, index) =>
    findingsIn(part, helps && keeps(expression, index), world),
  );
}

function keeps(expression: Expression, index: number): boolean {
  if (expression.op === "&&" || expression.op === "||") return true;
  return expression.op === "if-then-else" && index > 0;
}

function approvalTest({ op, parts: [left, right] }: Expression): string | null {
  if (op !== "contains" || left?.op !== "." || contextAttribute(left) !== approvalsFact) return null;
  return right?.op === "Value" && typeof right.value === "string" ? right.value : null;
}

function isSignedOff(expression: Expression): boolean {
  return expression.op === "." && contextAttribute(expression) === signedOffFact;
}

function misplaced(fact: string): Finding {
  return {
    message: `\`context.${fact}\` may be used only positively, where a sign-off can only help`,
    help: "it may stand in a permit's `when` or a forbid's `unless`, without `!` and outside of comparisons",
    near: fact,
  };
}

function undeclared(name: string, world: PolicyWorld): readonly Finding[] {
  if (world.signOffs.includes(name)) return [];
  const help = `declared under \`sign_offs:\` are ${world.signOffs.map((one) => `\`${one}\``).join(", ")}`;
  return [{ message: `the sign-off \`${name}\` is not in \`sign_offs\``, help, near: `"${name}"` }];
}

const otherUse: Finding = {
  message: '`context.approvals` may only be used as `context.approvals.contains("NAME")`',
  help: "ask for each sign-off by its name; whether there is any is `context.signed_off`",
  near: approvalsFact,
};

const contextWhole: Finding = {
  message: "`context` is used whole",
  help: "name the facts that you mean, for example `context.labels`",
  near: "context",
};
