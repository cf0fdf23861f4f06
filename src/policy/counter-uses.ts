// Where policies read counters. They do so only in comparisons with numbers that they name, so that a decision rests not on
// a counter's value but on which of those numbers it lies between: the same decision is good for all values in between.

import { type CalendarWindow, calendarWindows } from "../core/calendar-window.ts";
import { contextReads } from "./context-reads.ts";
import { type CounterFact, counterFact, isCounterRoot } from "./counter-facts.ts";
import { contextPath, type Expression } from "./expression.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";

export interface CounterUse extends CounterFact {
  /** What it is compared with; ascending, each once. */
  readonly thresholds: readonly number[];
}

/** One place in a policy. */
export type CounterMention =
  | { readonly kind: "compared"; readonly fact: CounterFact; readonly threshold: number }
  /** `has`, of something that is there for every call, or of the call's user. */
  | { readonly kind: "asked"; readonly steps: readonly string[] }
  /** Used in any other way: a number by itself, or a whole record. */
  | { readonly kind: "misused"; readonly steps: readonly string[] };

const comparisons: ReadonlySet<string> = new Set(["<", "<=", ">", ">=", "==", "!="]);

export function* counterMentions(expression: Expression): Generator<CounterMention> {
  const steps = expression.op === "has" ? askedFor(expression) : contextPath(expression);
  if (isCounterRoot(steps?.[0])) {
    yield { kind: expression.op === "has" ? "asked" : "misused", steps: steps ?? [] };
    return;
  }
  const compared = comparisons.has(expression.op) ? comparison(expression) : null;
  if (compared !== null) yield compared;
  else for (const part of expression.parts) yield* counterMentions(part);
}

/** Of all these policies together, by path. */
export function counterUses(policies: readonly ParsedPolicy[]): readonly CounterUse[] {
  const uses = new Map<string, { readonly fact: CounterFact; readonly thresholds: Set<number> }>();
  for (const { body } of policies.flatMap(({ conditions }) => conditions)) {
    for (const mention of counterMentions(body)) {
      if (mention.kind !== "compared") continue;
      const { fact, threshold } = mention;
      const use = uses.get(fact.path) ?? { fact, thresholds: new Set() };
      use.thresholds.add(threshold);
      uses.set(fact.path, use);
    }
  }
  return [...uses.values()]
    .map(({ fact, thresholds }) => ({ ...fact, thresholds: [...thresholds].sort((a, b) => a - b) }))
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** All values for which decisions are the same as for this one. Inclusive. */
export function sameDecision(
  { thresholds }: CounterUse,
  value: number,
): { readonly atLeast: number; readonly atMost: number } {
  let atLeast = 0;
  for (const threshold of thresholds) {
    if (threshold === value) return { atLeast: value, atMost: value };
    if (threshold > value) return { atLeast, atMost: threshold - 1 };
    atLeast = Math.max(0, threshold + 1);
  }
  return { atLeast, atMost: Number.MAX_SAFE_INTEGER };
}

/**
 * The longest window that a forbid looks at, when nothing but time can lift it: it reads counters and no other fact, and
 * applies for no other reason. Else null.
 */
export function limitWindow(policy: ParsedPolicy): CalendarWindow | null {
  if (policy.effect !== "forbid" || contextReads(policy).size > 0) return null;
  if (!policy.conditions.some(({ kind, body }) => needsCounter(body, kind === "when"))) return null;
  const windows = counterUses([policy]).map(({ window }) => window);
  return calendarWindows.findLast((window) => windows.includes(window)) ?? null;
}

/** Whether the expression comes out as `truth` only where a counter stands so. What is not known to does not. */
function needsCounter(expression: Expression, truth: boolean): boolean {
  const { op, parts } = expression;
  const [first] = parts;
  if (op === "!" && first !== undefined) return needsCounter(first, !truth);
  if (op === (truth ? "&&" : "||")) return parts.some((part) => needsCounter(part, truth));
  if (op === (truth ? "||" : "&&")) return parts.every((part) => needsCounter(part, truth));
  return comparisons.has(op) && comparison(expression) !== null;
}

function askedFor({ parts: [record], names }: Expression): readonly string[] | null {
  const steps = record === undefined ? null : contextPath(record);
  return steps === null ? null : [...steps, ...names];
}

function comparison({ parts: [left, right] }: Expression): CounterMention | null {
  return comparedWith(left, right) ?? comparedWith(right, left);
}

function comparedWith(counter: Expression | undefined, other: Expression | undefined): CounterMention | null {
  const fact = counterFact((counter === undefined ? null : contextPath(counter)) ?? []);
  const threshold = other?.op === "Value" ? other.value : null;
  if (fact === null || typeof threshold !== "number" || !Number.isSafeInteger(threshold)) return null;
  return { kind: "compared", fact, threshold };
}
