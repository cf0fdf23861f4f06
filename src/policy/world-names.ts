// The world of policies for looking names up, and what these policies look at in the arguments of each tool.

import type { RecordType } from "../core/argument-type.ts";
import { argumentReads, readRecord } from "./argument-reads.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyApplication, PolicyWorld } from "./world.ts";

export interface WorldNames {
  readonly applications: ReadonlyMap<string, PolicyApplication>;
  readonly groups: ReadonlySet<string>;
  /** Of the tools whose parameters the catalog states. */
  readonly arguments: ReadonlyMap<string, KnownArguments>;
}

export interface KnownArguments {
  readonly all: RecordType;
  /** What policies look at; null where they look at no arguments. */
  readonly read: RecordType | null;
}

export function namesOf(loaded: {
  readonly world: PolicyWorld;
  readonly policies: readonly ParsedPolicy[];
}): WorldNames {
  const { applications, groups, arguments: types } = loaded.world;
  const reads = argumentReads(loaded.policies);
  return {
    applications: new Map(applications.map((application) => [application.name, application])),
    groups: new Set(groups),
    arguments: new Map(
      [...(types ?? [])].map(([name, all]) => [name, { all, read: readRecord(all, reads) }]),
    ),
  };
}
