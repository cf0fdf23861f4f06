// How commands are declared that work on the files of a config, without a gateway.

import { resolve } from "node:path";
import type { Command } from "commander";
import { withExample } from "./gateway-command.ts";

export interface ConfigOptions {
  readonly config: string;
  readonly dir: string;
  readonly json?: boolean;
}

export function withConfig(command: Command, example: string): Command {
  return withExample(
    command
      .option("--config <file>", "the config, relative to --dir", "portcullis.yaml")
      .option("--dir <dir>", "the gateway's folder", ".")
      .option("--json", "print JSON"),
    example,
  );
}

export function configPath({ dir, config }: ConfigOptions): string {
  return resolve(dir, config);
}
