// `check` and `policy`: whether config and policies can be used, from files alone.

import { Command } from "commander";
import { formatConfigProblem, loadConfig } from "../config/load.ts";
import { checkAsJson, checkAsText, checkPolicies } from "../policy/check-policies.ts";
import { cedarSchema } from "../policy/schema.ts";
import { policyWorld } from "../wiring/policy-world.ts";
import { Finding } from "./finding.ts";
import { readConfig } from "./serve.ts";

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

export function checkCommand(): Command {
  return withConfig(new Command("check").description("whether config and policies can be used"))
    .addHelpText("after", "\nExample:\n  portcullis check --config portcullis.yaml")
    .action(async (options: Options) => {
      const loaded = await loadConfig(options.config);
      if (!loaded.ok) throw new Finding(loaded.failure.map(formatConfigProblem).join("\n"));
      await check(options);
    });
}

export function policyCommands(): Command {
  const policy = new Command("policy").description("policies");
  withConfig(policy.command("check").description("parse, validate and lint the policy folder"))
    .addHelpText("after", "\nExample:\n  portcullis policy check")
    .action(check);
  withConfig(policy.command("schema").description("print the generated Cedar schema"))
    .addHelpText("after", "\nExample:\n  portcullis policy schema > portcullis.cedarschema")
    .action(async (options: Options) => {
      const { config } = await readConfig(options.config);
      console.log(cedarSchema(policyWorld(config)));
    });
  return policy;
}

function withConfig(command: Command): Command {
  return command.option("--config <file>", "the config", "portcullis.yaml").option("--json", "print JSON");
}

async function check(options: Options): Promise<void> {
  const loaded = await readConfig(options.config);
  const found = await checkPolicies(loaded.policiesFolder, policyWorld(loaded.config));
  const text = options.json === true ? checkAsJson(found) : checkAsText(found);
  if (found.policies === null && options.json !== true) throw new Finding(text);
  console.log(text);
  if (found.policies === null) throw new Finding("");
}
