// For whom calls are counted, and what a start puts right before new calls are decided on the counters.

import type { Logger } from "pino";
import type { DecisionPoint } from "../policy/decision.ts";
import type { CounterSubject } from "../usage/counter-store.ts";
import type { Reservations } from "../usage/reservations.ts";
import type { UsageProjection } from "../usage/usage-projection.ts";

/**
 * The application, its groups as the config has them now, and the user (a pseudonym) once a policy reads a user's counter:
 * clients name users as they like, and what nobody reads should not grow with them.
 */
export function countedSubjects(
  application: string,
  groups: readonly string[],
  user: string | null,
  counters: DecisionPoint["counters"],
): readonly CounterSubject[] {
  const subjects: CounterSubject[] = [{ kind: "application", name: application }];
  for (const name of new Set(groups)) subjects.push({ kind: "group", name });
  if (user !== null && counters.some(({ of }) => of.kind === "user")) {
    subjects.push({ kind: "user", name: user });
  }
  return subjects;
}

/** All that the config names: its applications, and the groups that they are in. */
export function configuredSubjects(
  applications: ReadonlyMap<string, { readonly groups: readonly string[] }>,
): readonly CounterSubject[] {
  const groups = new Set([...applications.values()].flatMap((application) => application.groups));
  return [
    ...[...applications.keys()].map((name) => ({ kind: "application" as const, name })),
    ...[...groups].map((name) => ({ kind: "group" as const, name })),
  ];
}

/**
 * Counts the log, recovery's ends included, and releases what was reserved for calls that are not on it. Where the log
 * cannot be counted everything stays reserved: limits may then be reached too early, and never too late.
 */
export async function settleLeftovers(
  usage: Pick<UsageProjection, "catchUp">,
  reservations: Pick<Reservations, "releaseOfOthers">,
  log: Logger,
): Promise<void> {
  try {
    await usage.catchUp();
    await reservations.releaseOfOthers();
  } catch (fault) {
    log.error({ fault: String(fault) }, "usage could not be counted");
  }
}
