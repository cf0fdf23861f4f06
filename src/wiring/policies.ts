// The policies of the config's folder, put in force or not at all.

import type { Logger } from "pino";
import { isLoopback } from "../config/listen.ts";
import type { LoadedConfig } from "../config/load.ts";
import { systemClock } from "../core/clock.ts";
import { OperatorError } from "../core/operator-error.ts";
import { ActivePolicies, type PolicyEvents } from "../policy/active-policies.ts";
import { formatProblem } from "../policy/problem.ts";
import type { RevisionStore } from "../policy/revision-store.ts";
import { policyWorld } from "./policy-world.ts";

/** Throws `OperatorError` with every problem at its place when the folder cannot be used. */
export async function openPolicies(
  loaded: LoadedConfig,
  store: RevisionStore,
  events: PolicyEvents,
  log: Logger,
): Promise<ActivePolicies> {
  const opened = await ActivePolicies.open({
    folder: loaded.policiesFolder,
    world: policyWorld(loaded.config),
    store,
    events,
    now: () => systemClock.now(),
    onActivated: (revision) => log.info({ revision }, "policies activated"),
    onProblem: (problems) =>
      log.error(
        { problems: problems.map(formatProblem) },
        "the changed policies cannot be used; the old ones stay in force",
      ),
  });
  if (!opened.ok) {
    const problems = opened.failure.map(formatProblem).join("\n");
    throw new OperatorError(`the policies in \`${loaded.policiesFolder}\` cannot be used:\n${problems}`);
  }
  const { policies, server } = loaded.config;
  const activate = policies.activate ?? (isLoopback(server.listen) ? "on_change" : "on_start");
  if (activate === "on_change") opened.value.watch();
  return opened.value;
}
