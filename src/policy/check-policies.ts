// What `portcullis policy check` says: whether the folder could be put in force, and everything that stands in the way.

import { loadPolicies } from "./load.ts";
import { isShadow } from "./parsed-policy.ts";
import { formatProblem, type PolicyProblem } from "./problem.ts";
import type { PolicyWorld } from "./world.ts";

export interface PolicyCheck {
  readonly folder: string;
  /** Of the folder's own policies; null when there are problems. */
  readonly policies: number | null;
  /** How many of them are in shadow mode; null when there are problems. */
  readonly shadow: number | null;
  /** What its revision would be, under this config; null when there are problems. */
  readonly revision: string | null;
  readonly problems: readonly PolicyProblem[];
}

/** Reads only; nothing is activated. */
export async function checkPolicies(folder: string, world: PolicyWorld): Promise<PolicyCheck> {
  const loaded = await loadPolicies(folder, world);
  if (!loaded.ok) return { folder, policies: null, shadow: null, revision: null, problems: loaded.failure };
  const { policies, builtIn, revision } = loaded.value;
  const shadow = policies.filter(isShadow).length;
  return { folder, policies: policies.length - builtIn, shadow, revision: revision.id, problems: [] };
}

/** For people; several lines without a line end at the end. */
export function checkAsText({ folder, policies, shadow, problems }: PolicyCheck): string {
  if (policies !== null) {
    const shadows = shadow === null || shadow === 0 ? "" : `, ${shadow} of them in shadow mode`;
    return `${counted(policies, "policy", "policies")} in \`${folder}\`${shadows}: no problem found`;
  }
  const found = counted(problems.length, "problem", "problems");
  return [
    ...problems.map(formatProblem),
    `${found} in \`${folder}\`: nothing of it would be put in force`,
  ].join("\n\n");
}

/** For programs: the shape of `PolicyCheck`, on one line. */
export function checkAsJson(check: PolicyCheck): string {
  return JSON.stringify(check);
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
