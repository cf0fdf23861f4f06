// One policy of a loaded set, and the walk over its conditions that lints and slicing share.

import type { PolicyJson } from "@cedar-policy/cedar-wasm/nodejs";

export interface ParsedPolicy {
  /** From `@id`. */
  readonly id: string;
  readonly reason: string;
  readonly file: string;
  readonly text: string;
  /** Byte offset of `text` in its file. */
  readonly offset: number;
  readonly json: PolicyJson;
}

/** Visits every expression, outermost first. Expressions are JSON objects with one key: the operator. */
export function visitExpressions(policy: PolicyJson, visit: (operator: string, body: unknown) => void): void {
  const waiting: unknown[] = policy.conditions.map((condition) => condition.body);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Array.isArray(next)) {
      waiting.push(...next);
      continue;
    }
    if (!isRecord(next)) continue;
    for (const [operator, body] of Object.entries(next)) {
      visit(operator, body);
      if (operator === "Value" || operator === "Var") continue;
      waiting.push(...children(operator, body));
    }
  }
}

function children(operator: string, body: unknown): readonly unknown[] {
  if (Array.isArray(body)) return body;
  if (!isRecord(body)) return [];
  // The attribute, pattern and type names of these are not expressions.
  if (operator === "." || operator === "has" || operator === "like" || operator === "is") {
    return [body["left"], body["in"]].filter((child) => child !== undefined);
  }
  return Object.values(body);
}

/** The attribute of `context` that `{".": …}` or `{"has": …}` reads, or null. */
export function contextAttribute(operator: string, body: unknown): string | null {
  if ((operator !== "." && operator !== "has") || !isRecord(body)) return null;
  const { left, attr } = body;
  if (!isRecord(left) || left["Var"] !== "context") return null;
  if (typeof attr === "string") return attr;
  return Array.isArray(attr) && typeof attr[0] === "string" ? attr[0] : null;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
