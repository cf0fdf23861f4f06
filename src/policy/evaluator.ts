// The narrow interface between the three outcomes and whatever evaluates policies.

import type { CedarRequest } from "./cedar-request.ts";

/** What one evaluation said. */
export type Evaluation =
  | {
      readonly outcome: "allow" | "deny";
      /** The permits that allow it, or the forbids that deny it; empty when nothing permits. */
      readonly policies: readonly string[];
    }
  | {
      readonly outcome: "error";
      /** Ids of policies that failed. */
      readonly policies: readonly string[];
      /** Safe to show: names policies, never values. */
      readonly error: string;
    };

export interface Evaluator {
  /**
   * As if exactly these sign-offs were given, and with `shadowed` as if the policies in shadow mode were enforced. Never
   * throws: doubt is an error, which the caller takes for a deny.
   */
  evaluate(request: CedarRequest, approvals: readonly string[], shadowed: boolean): Evaluation;
}
