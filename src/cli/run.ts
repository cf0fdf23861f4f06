// The command line: which commands there are, and how their failures become exit codes (0 ok, 1 finding or refusal,
// 2 could not run).

import { Command, CommanderError } from "commander";
import { OperatorError } from "../core/operator-error.ts";
import { approvalsCommands } from "./approvals.ts";
import { auditCommands } from "./audit.ts";
import { backupCommand } from "./backup.ts";
import { checkCommand } from "./check.ts";
import { configCommands } from "./config.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { Finding } from "./finding.ts";
import { withExample } from "./gateway-command.ts";
import { keysCommands } from "./keys.ts";
import { operatorsCommands } from "./operators.ts";
import { policyCommands } from "./policy.ts";
import { secretsCommands } from "./secrets.ts";
import { gatewayCommands } from "./serve.ts";
import { toolsCommands } from "./tools.ts";
import { usageCommand } from "./usage.ts";
import { version } from "./version.ts";
import { witnessCommand } from "./witness.ts";

export async function runCli(argv: readonly string[]): Promise<number> {
  if (!process.stdout.listeners("error").includes(outputFailed)) process.stdout.on("error", outputFailed);
  try {
    await portcullisCommand().parseAsync([...argv]);
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

/** A reader that has seen enough (`… | head`) is no fault. */
function outputFailed(fault: Error & { readonly code?: string }): void {
  if (fault.code !== "EPIPE") throw fault;
}

/** The whole command tree; nothing in it ends the process. */
export function portcullisCommand(): Command {
  const program = withExample(
    new Command("portcullis")
      .description("A governance gateway for AI: policy, sign-off and a provable trail for every call.")
      .version(version),
    "portcullis up --dir ./gateway",
  );
  for (const command of [
    ...gatewayCommands(),
    demoCommand(),
    checkCommand(),
    configCommands(),
    doctorCommand(),
    policyCommands(),
    toolsCommands(),
    approvalsCommands(),
    keysCommands(),
    operatorsCommands(),
    secretsCommands(),
    auditCommands(),
    backupCommand(),
    usageCommand(),
    witnessCommand(),
  ]) {
    program.addCommand(command);
  }
  neverExit(program);
  return program;
}

/** Settings are inherited when a command is made, which is before it is added here, so each gets its own. */
function neverExit(command: Command): void {
  command.exitOverride().showHelpAfterError("(--help says how it is used)");
  for (const one of command.commands) neverExit(one);
}
