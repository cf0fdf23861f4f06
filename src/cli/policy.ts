// `policy`: what the authors of policies work with, from files alone.

import { Command } from "commander";
import { cedarSchema } from "../policy/schema.ts";
import { policyWorld } from "../wiring/policy-world.ts";
import { check } from "./check.ts";
import { type ConfigOptions, configPath, withConfig } from "./config-command.ts";
import { policyExplainCommand } from "./policy-explain.ts";
import { policyFmtCommand } from "./policy-fmt.ts";
import { policyTestCommand } from "./policy-test.ts";
import { readConfig } from "./serve.ts";

export function policyCommands(): Command {
  const policy = new Command("policy").description("policies");
  withConfig(
    policy.command("check").description("parse, validate and lint the policy folder"),
    "portcullis policy check",
  ).action(check);
  withConfig(
    policy.command("schema").description("print the generated Cedar schema"),
    "portcullis policy schema > portcullis.cedarschema",
  ).action(async (options: ConfigOptions) => {
    const { config } = await readConfig(configPath(options));
    console.log(cedarSchema(policyWorld(config)));
  });
  policy.addCommand(policyTestCommand());
  policy.addCommand(policyFmtCommand());
  policy.addCommand(policyExplainCommand());
  return policy;
}
