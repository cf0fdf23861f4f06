// Who is in which group, and who may give which sign-off, as the config says it.

import { personName } from "../core/person-name.ts";
import type { Config } from "./schema.ts";

type People = Pick<Config, "groups" | "sign_offs">;

/** The groups that list this person, by name. */
export function groupsOf({ groups }: Pick<Config, "groups">, name: string): readonly string[] {
  return Object.keys(groups)
    .filter((group) => lists(groups[group], name))
    .toSorted();
}

/** Whether this person may give that sign-off. Nobody may give one that does not exist. */
export function isApprover({ groups, sign_offs: signOffs }: People, signOff: string, name: string): boolean {
  if (!Object.hasOwn(signOffs, signOff)) return false;
  return (signOffs[signOff]?.approvers ?? []).some((approver) => {
    const group = groupName(approver);
    if (group === null) return personName(approver) === personName(name);
    return Object.hasOwn(groups, group) && lists(groups[group], name);
  });
}

/** The sign-offs that this person may give, by name. */
export function signOffsOf(config: People, name: string): readonly string[] {
  return Object.keys(config.sign_offs)
    .filter((signOff) => isApprover(config, signOff, name))
    .toSorted();
}

/** Of `group:NAME`; null for a person. */
export function groupName(approver: string): string | null {
  return approver.startsWith("group:") ? approver.slice("group:".length) : null;
}

function lists(members: readonly string[] | undefined, name: string): boolean {
  const person = personName(name);
  return (members ?? []).some((member) => personName(member) === person);
}
