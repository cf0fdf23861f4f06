// Where a policy stands, for people who look it up.

import type { ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyFile } from "./policy-source.ts";
import { problemAt } from "./problem.ts";

export interface PolicyPlace {
  /** Relative to the policy folder. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Null for the gateway's own. */
export function policyPlace(policy: ParsedPolicy, files: readonly PolicyFile[]): PolicyPlace | null {
  const { file, source } = policy;
  const text = files.find(({ name }) => name === file)?.text;
  if (text === undefined) return null;
  return { file, line: problemAt(file, text, source.start, "").line ?? 1 };
}
