// Cedar takes a question for an argument that there is never as one whose answer is no: a rule with a typing error in it would
// load and never apply.

import type { ArgumentType, RecordMember, RecordType } from "../core/argument-type.ts";
import { argumentPaths } from "./argument-reads.ts";
import type { Finding } from "./finding.ts";
import { appliesTo, type ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyWorld } from "./world.ts";

export function argumentFindings(policy: ParsedPolicy, world: PolicyWorld): readonly Finding[] {
  const types = [...(world.arguments ?? [])].filter(([tool]) => appliesTo(policy, tool, true));
  return policy.conditions
    .flatMap(({ body }) => [...argumentPaths(body)])
    .flatMap(({ steps, isAsked }) => {
      if (!isAsked || steps.length === 0) return [];
      const found = types.map(([, type]) => typeAt(type, steps));
      if (found.some((type) => type !== null && type.kind !== "opaque")) return [];
      return [findingOf(steps, found.find((type) => type?.kind === "opaque") ?? null)];
    });
}

function findingOf(steps: readonly string[], type: ArgumentType | null): Finding {
  const name = `context.arguments.${steps.join(".")}`;
  const near = steps.at(-1) ?? "";
  if (type?.kind === "opaque") {
    const message = `\`${name}\` is ${type.what}, which policies cannot look at`;
    return { message, help: "calls that give it are denied in any case; leave the question out", near };
  }
  return {
    message: `no tool that this policy speaks of has \`${name}\``,
    help: "`portcullis policy schema` prints the arguments of each tool whose `parameters` the config states",
    near,
  };
}

function typeAt(record: RecordType, steps: readonly string[]): ArgumentType | null {
  let type: ArgumentType = record;
  for (const step of steps) {
    if (type.kind !== "record") return null;
    const member: RecordMember | undefined = type.members.find(({ name }) => name === step);
    if (member === undefined) return null;
    type = member.type;
  }
  return type;
}
