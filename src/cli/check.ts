// `check` and `policy check`: whether config and policies can be used, from files alone.

import { Command } from "commander";
import { formatConfigProblem, loadConfig } from "../config/load.ts";
import { checkAsJson, checkAsText, checkPolicies } from "../policy/check-policies.ts";
import { policyWorld } from "../wiring/policy-world.ts";
import { type ConfigOptions, configPath, withConfig } from "./config-command.ts";
import { Finding } from "./finding.ts";
import { readConfig } from "./serve.ts";

export function checkCommand(): Command {
  return withConfig(
    new Command("check").description("whether config and policies can be used"),
    "portcullis check --config portcullis.yaml",
  ).action(async (options: ConfigOptions) => {
    const loaded = await loadConfig(configPath(options));
    if (!loaded.ok) throw new Finding(loaded.failure.map(formatConfigProblem).join("\n"));
    await check(options);
  });
}

export async function check(options: ConfigOptions): Promise<void> {
  const loaded = await readConfig(configPath(options));
  const found = await checkPolicies(loaded.policiesFolder, policyWorld(loaded.config));
  const text = options.json === true ? checkAsJson(found) : checkAsText(found);
  if (found.policies === null && options.json !== true) throw new Finding(text);
  console.log(text);
  if (found.policies === null) throw new Finding("");
}
