// Why one policy applied to a request or did not: its scope, and each clause of its conditions with the values it looked at.

import { type Expr, type PolicyJson, policyToJson } from "@cedar-policy/cedar-wasm/nodejs";
import { contextAttribute, expressionsIn, parseExpression } from "../expression.ts";
import { isShadow, type ParsedPolicy } from "../parsed-policy.ts";
import { type ClauseOracle, expressionText, type Holds } from "./clause-oracle.ts";
import { type ExplainedRequest, type ReadValue, valuesIn } from "./read-values.ts";

export interface ExplainedPolicy {
  readonly id: string;
  readonly effect: "permit" | "forbid";
  readonly shadow: boolean;
  /** Null when that depends on what is not known. */
  readonly applies: Holds;
  readonly scopeHolds: Holds;
  /** None where the scope does not match. */
  readonly clauses: readonly ExplainedClause[];
  /** What single change would make it apply or not apply; null when none is that simple. */
  readonly flip: string | null;
}

export interface ExplainedClause extends ExplainedPart {
  readonly kind: "when" | "unless";
}

export interface ExplainedPart {
  readonly text: string;
  /** Null when it reads what is not known, or is not reached: what stands before it does not hold. */
  readonly holds: Holds;
  readonly values: readonly ReadValue[];
  /** How its parts are joined; null when it has none. */
  readonly joined: "all" | "any" | null;
  readonly parts: readonly ExplainedPart[];
}

export function explainPolicy(
  policy: ParsedPolicy,
  asked: ExplainedRequest,
  oracle: ClauseOracle,
): ExplainedPolicy {
  const answer = policyToJson(policy.source.text);
  if (answer.type === "failure") throw new Error(`the policy ${policy.id} was parsed before`);
  const { json } = answer;
  const scopeHolds = oracle.scopeHolds(json);
  const clauses =
    scopeHolds === true
      ? json.conditions.map(({ kind, body }) => ({ kind, ...explainPart(json, body, asked, oracle) }))
      : [];
  const applies = scopeHolds === true ? allOf(clauses.map(passes)) : scopeHolds;
  const shown = { id: policy.id, effect: policy.effect, shadow: isShadow(policy) };
  return { ...shown, applies, scopeHolds, clauses, flip: flipOf(applies, clauses) };
}

/** Deeper than this, a condition is shown as one. */
const deepest = 3;

function explainPart(
  policy: PolicyJson,
  body: Expr,
  asked: ExplainedRequest,
  oracle: ClauseOracle,
  depth = 0,
): ExplainedPart {
  const joined = depth < deepest ? joinOf(body) : null;
  const parts = joined === null ? [] : sidesOf(body, joined);
  const explained = parts.map((part) => explainPart(policy, part, asked, oracle, depth + 1));
  const expression = parseExpression(body);
  // That a fact is there is known of those that are not known, too.
  const isKnown = ![...expressionsIn(expression)].some(
    (one) => one.op === "." && asked.unknown.has(contextAttribute(one) ?? ""),
  );
  const holdsOfParts = explained.map(({ holds }) => holds);
  const fromParts = joined === "all" ? allOf(holdsOfParts) : joined === "any" ? anyOf(holdsOfParts) : null;
  return {
    text: expressionText(body),
    holds: isKnown ? oracle.holds(policy, body) : fromParts,
    values: joined === null ? valuesIn(expression, asked) : [],
    joined,
    parts: explained,
  };
}

function joinOf(body: Expr): "all" | "any" | null {
  if ("&&" in body) return "all";
  return "||" in body ? "any" : null;
}

/** `a && b && c` is a nest of pairs. */
function sidesOf(body: Expr, joined: "all" | "any"): readonly Expr[] {
  const pair =
    joined === "all" && "&&" in body ? body["&&"] : joined === "any" && "||" in body ? body["||"] : null;
  return pair === null || Array.isArray(pair)
    ? [body]
    : [...sidesOf(pair.left, joined), ...sidesOf(pair.right, joined)];
}

function allOf(holds: readonly Holds[]): Holds {
  if (holds.includes(false)) return false;
  return holds.includes(null) ? null : true;
}

function anyOf(holds: readonly Holds[]): Holds {
  if (holds.includes(true)) return true;
  return holds.includes(null) ? null : false;
}

/** Whether the clause lets its policy apply. */
function passes({ kind, holds }: ExplainedClause): Holds {
  return holds === null || kind === "when" ? holds : !holds;
}

function flipOf(applies: Holds, clauses: readonly ExplainedClause[]): string | null {
  if (applies === true) {
    const without = clauses.filter(({ kind }) => kind === "when").flatMap((clause) => singles(clause, "all"));
    const with_ = clauses.filter(({ kind }) => kind === "unless").flatMap((clause) => singles(clause, "any"));
    const changes = [
      ...without.map((text) => `\`${text}\` did not hold`),
      ...with_.map((text) => `\`${text}\` held`),
    ];
    return changes.length === 0 ? null : `it would not apply if ${changes.join(", or ")}`;
  }
  const [failing, ...others] = clauses.filter((clause) => passes(clause) !== true);
  if (applies !== false || failing === undefined || others.length > 0) return null;
  const wrong = failing.kind === "when";
  const parts = failing.joined === (wrong ? "all" : "any") ? failing.parts : [failing];
  const [one, ...more] = parts.filter(({ holds }) => holds !== wrong);
  if (one === undefined || more.length > 0 || one.holds === null) return null;
  return `it would apply if \`${one.text}\` ${wrong ? "held" : "did not hold"}`;
}

/** Each of them alone decides over the clause. */
function singles(clause: ExplainedClause, joined: "all" | "any"): readonly string[] {
  return clause.joined === joined ? clause.parts.map(({ text }) => text) : [clause.text];
}
