// The command line: which commands there are, and how their failures become exit codes (0 ok, 1 finding or refusal,
// 2 could not run).

import { Command, CommanderError } from "commander";
import { OperatorError } from "../core/operator-error.ts";
import { auditCommands } from "./audit.ts";
import { checkCommand, policyCommands } from "./check.ts";
import { Finding } from "./finding.ts";
import { keysCommands } from "./keys.ts";
import { secretsCommands } from "./secrets.ts";
import { gatewayCommands } from "./serve.ts";
import { usageCommand } from "./usage.ts";
import { version } from "./version.ts";

export async function runCli(argv: readonly string[]): Promise<number> {
  const program = new Command("portcullis");
  program.description("A governance gateway for AI: policy, sign-off and a provable trail for every call.");
  program.version(version).exitOverride().showHelpAfterError();
  for (const command of [
    ...gatewayCommands(),
    checkCommand(),
    policyCommands(),
    keysCommands(),
    secretsCommands(),
    auditCommands(),
    usageCommand(),
  ]) {
    program.addCommand(command.exitOverride());
  }
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (fault) {
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? 0 : 2;
    if (fault instanceof Finding) {
      if (fault.message !== "") console.error(fault.message);
      return 1;
    }
    if (fault instanceof OperatorError) console.error(`portcullis: ${fault.message}`);
    else console.error(fault);
    return 2;
  }
}
