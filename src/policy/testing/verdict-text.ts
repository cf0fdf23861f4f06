// Whether a decision is the one that a test expects, and both in words.

import type { Verdict } from "../decision.ts";
import type { PolicyTest } from "./test-schema.ts";

/** A decision with what else was found. */
export interface TestedDecision extends Verdict {
  readonly shadow: Verdict | null;
  /** Why policy was not asked, in words; left out where it was. */
  readonly undescribed?: string;
}

type Expectation = PolicyTest["expect"];

/** What is expected and what was decided instead, a pair for each thing that differs. */
export interface Difference {
  readonly expected: string;
  readonly got: string;
}

export function differences(expected: Expectation, got: TestedDecision): readonly Difference[] {
  const found: Difference[] = [];
  const compare = (wanted: string, had: string): void => {
    if (wanted !== had) found.push({ expected: wanted, got: had });
  };
  compare(expectedText(expected, expected.error), verdictText(got));
  if (expected.reasons !== undefined) {
    const reasons = got.policies.map(({ reason }) => reason);
    compare(`reasons ${listed(expected.reasons)}`, `reasons ${listed(reasons)}`);
  }
  if (expected.shadow !== undefined) {
    const had = got.shadow === null ? "no shadow" : `shadow ${verdictText(got.shadow)}`;
    compare(`shadow ${expectedText(expected.shadow, false)}`, had);
  }
  return found;
}

export function verdictText({ outcome, signOffs, policies, error }: Verdict): string {
  const ids = policies.map(({ id }) => id);
  return `${outcomeText(outcome, signOffs, error !== null)} by ${listed(ids)}`;
}

function expectedText(
  { decision, sign_offs, policies }: Pick<Expectation, "decision" | "sign_offs" | "policies">,
  error: boolean,
): string {
  return `${outcomeText(decision, sign_offs, error)} by ${listed(policies)}`;
}

function outcomeText(outcome: string, signOffs: readonly string[], error: boolean): string {
  if (error) return `${outcome} by an error`;
  return signOffs.length === 0 ? outcome : `${outcome} for ${listed(signOffs)}`;
}

/** Sorted: order says nothing here. */
function listed(names: readonly string[]): string {
  return names.length === 0
    ? "no policy"
    : names
        .toSorted()
        .map((name) => `\`${name}\``)
        .join(", ");
}
