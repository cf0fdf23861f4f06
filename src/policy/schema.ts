// The Cedar schema, generated: a fixed part, and one action for each catalogued tool, so that a typo in a policy is an
// error when it is loaded and not a hole when it is used. It holds only facts that are computed today.

import type { RecordType } from "../core/argument-type.ts";
import { calendarWindows } from "../core/calendar-window.ts";
import { type ArgumentReads, readRecord } from "./argument-reads.ts";
import { argumentTypeText } from "./argument-values.ts";
import { cedarString } from "./cedar-text.ts";
import {
  actionFacts,
  approvalFacts,
  argumentsFact,
  callFacts,
  type Fact,
  featureFacts,
} from "./context-facts.ts";
import { type CounterFact, counterMeasures } from "./counter-facts.ts";
import { featureAction, type PolicyWorld, toolGroup, uncataloguedTool, voteAction } from "./world.ts";

/**
 * Cedar's human-readable schema format. With `counters` and `reads`, those counters and arguments alone: what is not read is
 * not counted either, nor handed over.
 */
export function cedarSchema(
  world: PolicyWorld,
  counters: readonly CounterFact[] | "all" = "all",
  reads: ArgumentReads = "all",
): string {
  const counted = counters === "all" ? allCounters : countersRead(counters);
  const tools = [...world.tools].sort();
  return `namespace Portcullis {
  // A team, project or role, from the config.
  entity Group in [Group];
  // A person.
  entity User in [Group];
  // The holder of an API key.
  entity Application in [Group] = {
    environment: String,
    owner: String,
  };
  entity Provider;
  // A concrete model; its id is PROVIDER/MODEL.
  entity Model in [Provider] = {
    name: String,
    provider: String,
  };
  entity Connector;
  entity Tool in [Connector] = {
    name: String,
  };

${counters === "all" ? counterTypes(world) : ""}  type CallFacts = ${factsType(callFacts, counted)};
  type FeatureFacts = ${factsType(featureFacts, counted)};
  type ActionFacts = ${factsType(actionFacts)};
  type ApprovalFacts = ${factsType(approvalFacts)};

  action "chat", "embed" appliesTo {
    principal: [Application], resource: [Model], context: CallFacts
  };
  // A request field, \`context.feature\`, that makes the provider act, route or keep something.
  action "${featureAction}" appliesTo {
    principal: [Application], resource: [Model], context: FeatureFacts
  };
  // A vote on a tool call or model call that waits, for the sign-off \`context.sign_off\`.
  action "${voteAction}" appliesTo {
    principal: [User], resource: [Tool, Model], context: ApprovalFacts
  };
  // A tool call that the model proposes. Every tool's own action is in this group.
  action "${toolGroup}";
  // A tool that the catalog does not know.
${toolAction(uncataloguedTool, null)}
${tools.map((name) => toolAction(name, argumentsRead(world, name, reads))).join("\n")}
}
`;
}

function factsType(facts: readonly Fact[], others: readonly string[] = []): string {
  const members = facts.map((fact) => `    ${fact.name}${fact.optional ? "?" : ""}: ${fact.type},`);
  members.push(...others.map((member) => `    ${member},`));
  return `{
${members.join("\n")}
    // UTC; weekday 1 is Monday.
    hour: Long,
    weekday: Long,
    // Sign-offs already given for exactly these bytes, and whether there is any; for a vote, as if all were.
    approvals: Set<String>,
    signed_off: Bool,
  }`;
}

function toolAction(name: string, read: RecordType | null): string {
  const context =
    read === null
      ? "ActionFacts"
      : factsType(actionFacts, [`${argumentsFact}: ${argumentTypeText(read, "    ")}`]).replaceAll(
          "\n",
          "\n  ",
        );
  return `  action ${cedarString(name)} in [Action::"${toolGroup}"] appliesTo {
    principal: [Application], resource: [Tool], context: ${context}
  };`;
}

function argumentsRead(world: PolicyWorld, tool: string, reads: ArgumentReads): RecordType | null {
  const type = world.arguments?.get(tool);
  return type === undefined ? null : readRecord(type, reads);
}

/** The counters of every measure, window and group that policies can name. */
function counterTypes({ applications, groups }: PolicyWorld): string {
  const windows = calendarWindows.map((window) => `${window}: Long`).join(", ");
  const names = new Set([...groups, ...applications.flatMap((application) => application.groups)]);
  const ofGroups = [...names].sort().map((name) => `      ${cedarString(name)}: Windows,\n`);
  return `  // What was used in this window of the UTC calendar, with this call and those under way: requests, tokens, millionths of a
  // US dollar, and calls whose spend is not known.
  type Windows = { ${windows} };
  type Counters = {
    // The application's own, those of the user whom it names, and those of all applications in a group.
    ${windows},
    user?: Windows,
${ofGroups.length === 0 ? "" : `    group: {\n${ofGroups.join("")}    },\n`}  };
`;
}

const allCounters = counterMeasures.map((measure) => `${measure}: Counters`);

interface CounterTree {
  [name: string]: CounterTree | "Long";
}

function countersRead(counters: readonly CounterFact[]): readonly string[] {
  const tree: CounterTree = {};
  for (const { steps } of counters) grow(tree, steps);
  return Object.entries(tree).map(([name, type]) => `${name}: ${typeText(type)}`);
}

function grow(tree: CounterTree, [step = "", ...steps]: readonly string[]): void {
  if (steps.length === 0) {
    tree[step] = "Long";
    return;
  }
  const known = tree[step];
  const branch = typeof known === "object" ? known : {};
  tree[step] = branch;
  grow(branch, steps);
}

function typeText(type: CounterTree | "Long"): string {
  if (type === "Long") return type;
  const members = Object.entries(type).map(
    ([name, member]) => `${name === "user" ? "user?" : cedarString(name)}: ${typeText(member)}`,
  );
  return `{ ${members.join(", ")} }`;
}
