// `config`: what the file can hold, and what it amounts to. From files alone, without a gateway.

import { Command } from "commander";
import { effectiveConfig, effectiveYaml } from "../config/effective.ts";
import { configJsonSchema } from "../config/json-schema.ts";
import { type ConfigOptions, configPath, withConfig } from "./config-command.ts";
import { print, withExample } from "./gateway-command.ts";
import { readConfig } from "./serve.ts";

export function configCommands(): Command {
  const config = withExample(new Command("config").description("portcullis.yaml"), "portcullis config show");
  const schema = config
    .command("schema")
    .description("print the JSON Schema of the config, for editors")
    .option("--json", "as it is in any case");
  withExample(schema, "portcullis config schema > portcullis.schema.json").action(() =>
    console.log(JSON.stringify(configJsonSchema(), null, 2)),
  );
  const show = config
    .command("show")
    .description("the config in full, with its defaults; secrets are references, and stay so");
  withConfig(show, "portcullis config show --config /etc/portcullis/portcullis.yaml").action(showConfig);
  return config;
}

async function showConfig(options: ConfigOptions): Promise<void> {
  const { file, digest, dataFolder, keysFolder, policiesFolder, written } = await readConfig(
    configPath(options),
  );
  const effective = effectiveConfig(configJsonSchema(), written);
  const folders = { data: dataFolder, keys: keysFolder, policies: policiesFolder };
  print(options, { file, digest, folders, ...effective }, () =>
    [
      `# ${file}, sha256:${digest}`,
      ...Object.entries(folders).map(([name, path]) => `# ${name}: ${path}`),
      effectiveYaml(effective).trimEnd(),
    ].join("\n"),
  );
}
