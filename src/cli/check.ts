// `check` and `policy`: whether config and policies can be used, from files alone.

import { Command } from "commander";
import { formatConfigProblem, loadConfig } from "../config/load.ts";
import { loadPolicies } from "../policy/load.ts";
import { formatProblem } from "../policy/problem.ts";
import { cedarSchema } from "../policy/schema.ts";
import { policyWorld } from "../wiring/policy-world.ts";
import { print } from "./admin-client.ts";
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
      await checkPolicies(options);
    });
}

export function policyCommands(): Command {
  const policy = new Command("policy").description("policies");
  withConfig(policy.command("check").description("parse, validate and lint the policy folder"))
    .addHelpText("after", "\nExample:\n  portcullis policy check")
    .action(checkPolicies);
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

async function checkPolicies(options: Options): Promise<void> {
  const loaded = await readConfig(options.config);
  const policies = await loadPolicies(loaded.policiesFolder, policyWorld(loaded.config));
  if (policies.ok) {
    const count = policies.value.policies.length;
    print(
      options.json === true,
      { ok: true, policies: count },
      () => `${count} policies can be used (the built-in floor is one)`,
    );
    return;
  }
  if (options.json === true) console.log(JSON.stringify({ ok: false, problems: policies.failure }, null, 2));
  throw new Finding(options.json === true ? "" : policies.failure.map(formatProblem).join("\n"));
}
