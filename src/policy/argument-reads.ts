// Which arguments policies look at. Cedar is given those and no others: a text of a megabyte that no rule speaks of would cost
// each decision a tenth of a second.

import type { RecordType } from "../core/argument-type.ts";
import { argumentsFact } from "./context-facts.ts";
import { contextPath, type Expression } from "./expression.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";

/** Names of members, whatever the tool; or `all`. Null when no policy speaks of arguments. */
export type ArgumentReads = ReadonlySet<string> | "all" | null;

export function argumentReads(policies: readonly ParsedPolicy[]): ArgumentReads {
  const paths = policies
    .flatMap(({ conditions }) => conditions)
    .flatMap(({ body }) => [...argumentPaths(body)]);
  if (paths.length === 0) return null;
  if (paths.some(({ steps, isAsked }) => steps.length === 0 && !isAsked)) return "all";
  return new Set(paths.flatMap(({ steps }) => steps.slice(0, 1)));
}

/** Of the type, what policies look at; null where they look at no arguments. */
export function readRecord(type: RecordType, reads: ArgumentReads): RecordType | null {
  if (reads === null) return null;
  if (reads === "all") return type;
  return { ...type, members: type.members.filter(({ name }) => reads.has(name)) };
}

export interface ArgumentPath {
  /** The names behind `context.arguments`; none for all of them together. */
  readonly steps: readonly string[];
  /** Whether it is only asked for with `has`. */
  readonly isAsked: boolean;
}

/** Every place in the expression that speaks of arguments, each as far as it leads. */
export function* argumentPaths(expression: Expression): Generator<ArgumentPath> {
  const [record] = expression.parts;
  const isAsked = expression.op === "has";
  const base = contextPath(isAsked && record !== undefined ? record : expression);
  const [root, ...steps] = base === null ? [] : isAsked ? [...base, ...expression.names] : base;
  if (root === argumentsFact) yield { steps, isAsked };
  else for (const part of expression.parts) yield* argumentPaths(part);
}
