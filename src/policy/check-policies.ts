// What `portcullis policy check` says: whether the folder could be put in force, and everything that stands in the way.

import { loadPolicies } from "./load.ts";
import { formatProblem, type PolicyProblem } from "./problem.ts";
import type { PolicyWorld } from "./world.ts";

export interface PolicyCheck {
  readonly folder: string;
  /** Of the folder's own policies; null when there are problems. */
  readonly policies: number | null;
  /** What its revision would be, under this config; null when there are problems. */
  readonly revision: string | null;
  readonly problems: readonly PolicyProblem[];
}

/** Reads only; nothing is activated. */
export async function checkPolicies(folder: string, world: PolicyWorld): Promise<PolicyCheck> {
  const loaded = await loadPolicies(folder, world);
  if (!loaded.ok) return { folder, policies: null, revision: null, problems: loaded.failure };
  const { policies, builtIn, revision } = loaded.value;
  return { folder, policies: policies.length - builtIn, revision: revision.id, problems: [] };
}

/** For people; several lines without a line end at the end. */
export function checkAsText({ folder, policies, problems }: PolicyCheck): string {
  if (policies !== null)
    return `${counted(policies, "policy", "policies")} in \`${folder}\`: no problem found`;
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
