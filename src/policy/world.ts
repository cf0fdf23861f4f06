// What policies can speak of besides facts: the applications, groups, providers, tools and sign-offs that the config names.

import type { RecordType } from "../core/argument-type.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";

export interface PolicyWorld {
  readonly applications: readonly PolicyApplication[];
  /** Names of all groups. */
  readonly groups: readonly string[];
  /** The catalog's tools, by name. */
  readonly tools: readonly string[];
  /** What their arguments are, of those whose parameters the catalog states. */
  readonly arguments?: ReadonlyMap<string, RecordType>;
  /** Names of the configured providers; left out, policies may name any. */
  readonly providers?: readonly string[];
  /** Declared sign-offs in config order; `default` is always one of them. */
  readonly signOffs: readonly string[];
}

export interface PolicyApplication {
  readonly name: string;
  readonly groups: readonly string[];
  readonly environment: string;
  readonly owner: string;
}

export const toolGroup = "call_tool";
export const uncataloguedTool = "uncatalogued_tool";
export const featureAction = "use_feature";
export const voteAction = "approve";

const builtInActions: ReadonlySet<string> = new Set([
  "chat",
  "embed",
  featureAction,
  toolGroup,
  uncataloguedTool,
  voteAction,
]);

/** Every action that a request can have: all but the group of tools. */
export function requestActions(world: PolicyWorld): readonly string[] {
  return ["chat", "embed", featureAction, voteAction, uncataloguedTool, ...world.tools];
}

/** Null where the catalog can hold a tool of that name. */
export function toolNameProblem(name: string): PolicyProblem | null {
  if (!builtInActions.has(name)) return null;
  const message = `the tool \`${name}\` has the name of a built-in action`;
  const help = "take it out of `tools:`; as an uncatalogued tool its every call needs a sign-off";
  return problemAt("the config", "", null, message, help);
}

/** What would make the schema ambiguous or the revision impossible to write down. */
export function worldProblems(world: PolicyWorld): readonly PolicyProblem[] {
  const problems = world.tools.flatMap((name) => toolNameProblem(name) ?? []);
  const found = (message: string, help: string): void => {
    problems.push(problemAt("the config", "", null, message, help));
  };
  if (!world.signOffs.includes("default")) {
    found("the sign-off `default` is missing", "declare it under `sign_offs:`");
  }
  if (!textsOf(world).every((name) => name.isWellFormed())) {
    found(
      "a name holds a lone surrogate, which is not text",
      "write it without `\\ud800` to `\\udfff` escapes",
    );
  }
  return problems;
}

function textsOf(world: PolicyWorld): readonly string[] {
  return [
    ...world.applications.flatMap(({ name, groups, environment, owner }) => [
      name,
      ...groups,
      environment,
      owner,
    ]),
    ...world.groups,
    ...world.tools,
    ...(world.providers ?? []),
    ...world.signOffs,
  ];
}
