// What policies can speak of, taken from the config.

import type { Config } from "../config/schema.ts";
import { ToolCatalog } from "../facts/tool-catalog.ts";
import type { PolicyWorld } from "../policy/world.ts";

export function policyWorld(config: Config): PolicyWorld {
  return {
    applications: config.applications.map(({ name, groups, environment, owner }) => ({
      name,
      groups,
      environment,
      owner,
    })),
    groups: Object.keys(config.groups),
    tools: Object.keys(config.tools),
    arguments: new ToolCatalog(config.tools).argumentTypes,
    // Left out, a rule about a mistyped provider would be accepted and never apply.
    providers: Object.keys(config.providers),
    signOffs: Object.keys(config.sign_offs),
  };
}
