// The Cedar schema, generated: a fixed part, and one action for each catalogued tool, so that a typo in a policy is an
// error when it is loaded and not a hole when it is used. It holds only facts that are computed today.

import { cedarString } from "./cedar-text.ts";
import { actionFacts, callFacts, type Fact, featureFacts } from "./context-facts.ts";
import { featureAction, type PolicyWorld, toolGroup, uncataloguedTool } from "./world.ts";

/** Cedar's human-readable schema format. */
export function cedarSchema(world: PolicyWorld): string {
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

  type CallFacts = ${factsType(callFacts)};
  type FeatureFacts = ${factsType(featureFacts)};
  type ActionFacts = ${factsType(actionFacts)};

  action "chat", "embed" appliesTo {
    principal: [Application], resource: [Model], context: CallFacts
  };
  // A request field, \`context.feature\`, that makes the provider act, route or keep something.
  action "${featureAction}" appliesTo {
    principal: [Application], resource: [Model], context: FeatureFacts
  };
  // A tool call that the model proposes. Every tool's own action is in this group.
  action "${toolGroup}";
  // A tool that the catalog does not know.
${[uncataloguedTool, ...tools].map(toolAction).join("\n")}
}
`;
}

function factsType(facts: readonly Fact[]): string {
  const members = facts.map((fact) => `    ${fact.name}${fact.optional ? "?" : ""}: ${fact.type},`);
  return `{
${members.join("\n")}
    // UTC; weekday 1 is Monday.
    hour: Long,
    weekday: Long,
    // Sign-offs already given for exactly these bytes, and whether there is any.
    approvals: Set<String>,
    signed_off: Bool,
  }`;
}

function toolAction(name: string): string {
  return `  action ${cedarString(name)} in [Action::"${toolGroup}"] appliesTo {
    principal: [Application], resource: [Tool], context: ActionFacts
  };`;
}
