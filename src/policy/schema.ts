// The Cedar schema, generated: a fixed part, and one action for each catalogued tool, so that a typo in a policy is an
// error when it is loaded and not a hole when it is used. It holds only facts that are computed today.

import { type PolicyWorld, uncataloguedTool } from "./world.ts";

/** Context attributes that come from the client and can be as large as it likes: no arithmetic on these. */
export const callerLongs: ReadonlySet<string> = new Set(["message_count", "input_tokens", "output_limit"]);

export function cedarSchema(world: PolicyWorld): string {
  const tools = [...world.tools].sort();
  return `namespace Portcullis {
  // A team, project or role, from the config.
  entity Group in [Group];
  entity User in [Group];
  // The holder of an API key.
  entity Application in [Group] = {
    environment: String,
    owner: String,
  };
  entity Provider;
  entity Model in [Provider] = {
    name: String,
    provider: String,
  };
  entity Connector;
  entity Tool in [Connector] = {
    name: String,
  };

  type CallFacts = {
    requested_model: String,
    message_count: Long,
    input_tokens: Long,
    output_limit?: Long,
    stream: Bool,
    tools: Set<String>,
    has_images: Bool,
    has_audio: Bool,
    has_files: Bool,
    labels: Set<String>,
    user?: String,
${circumstances}
  };
  type FeatureFacts = {
    feature: String,
    requested_model: String,
    message_count: Long,
    input_tokens: Long,
    output_limit?: Long,
    stream: Bool,
    tools: Set<String>,
    has_images: Bool,
    has_audio: Bool,
    has_files: Bool,
    labels: Set<String>,
    user?: String,
${circumstances}
  };
  type ActionFacts = {
    source: String,
    application: String,
    effect: String,
    unattended: Bool,
    labels: Set<String>,
    user?: String,
${circumstances}
  };

  action "chat", "embed" appliesTo {
    principal: [Application], resource: [Model], context: CallFacts
  };
  // A request field that makes the provider act, route or keep something.
  action "use_feature" appliesTo {
    principal: [Application], resource: [Model], context: FeatureFacts
  };
  // A tool call that the model proposes. Every tool's own action is in this group.
  action "call_tool";
${[uncataloguedTool, ...tools].map(toolAction).join("\n")}
}
`;
}

const circumstances = `    source_address: ipaddr,
    time: datetime,
    // UTC; weekday 1 is Monday.
    hour: Long,
    weekday: Long,
    // Sign-offs already given for exactly these bytes, and whether there is any.
    approvals: Set<String>,
    signed_off: Bool,`;

function toolAction(name: string): string {
  return `  action ${JSON.stringify(name)} in [Action::"call_tool"] appliesTo {
    principal: [Application], resource: [Tool], context: ActionFacts
  };`;
}
