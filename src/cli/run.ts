// The command line: which commands there are, and how their failures become exit codes (0 ok, 1 finding or refusal,
// 2 could not run).

import { Command, CommanderError } from "commander";
import { OperatorError } from "../core/operator-error.ts";
import { Finding } from "./finding.ts";
import { withExample } from "./gateway-command.ts";
import { version } from "./version.ts";

/** What the commands of a file are called, in the order in which help lists them. */
interface CommandFile {
  readonly names: readonly string[];
  readonly load: () => Promise<readonly Command[]>;
}

/** Only what is asked for is loaded: some commands are the whole gateway, and others a question to one that runs. */
const commandFiles: readonly CommandFile[] = [
  { names: ["init", "up", "serve"], load: async () => (await import("./serve.ts")).gatewayCommands() },
  { names: ["demo"], load: async () => [(await import("./demo.ts")).demoCommand()] },
  { names: ["check"], load: async () => [(await import("./check.ts")).checkCommand()] },
  { names: ["config"], load: async () => [(await import("./config.ts")).configCommands()] },
  { names: ["doctor"], load: async () => [(await import("./doctor.ts")).doctorCommand()] },
  { names: ["policy"], load: async () => [(await import("./policy.ts")).policyCommands()] },
  { names: ["tools"], load: async () => [(await import("./tools.ts")).toolsCommands()] },
  { names: ["approvals"], load: async () => [(await import("./approvals.ts")).approvalsCommands()] },
  { names: ["keys"], load: async () => [(await import("./keys.ts")).keysCommands()] },
  { names: ["operators"], load: async () => [(await import("./operators.ts")).operatorsCommands()] },
  { names: ["secrets"], load: async () => [(await import("./secrets.ts")).secretsCommands()] },
  { names: ["audit"], load: async () => [(await import("./audit.ts")).auditCommands()] },
  { names: ["backup"], load: async () => [(await import("./backup.ts")).backupCommand()] },
  { names: ["usage"], load: async () => [(await import("./usage.ts")).usageCommand()] },
  { names: ["witness"], load: async () => [(await import("./witness.ts")).witnessCommand()] },
];

export async function runCli(argv: readonly string[]): Promise<number> {
  if (!process.stdout.listeners("error").includes(outputFailed)) process.stdout.on("error", outputFailed);
  try {
    const program = await portcullisCommand(argv[2]);
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

/** A reader that has seen enough (`… | head`) is no fault. */
function outputFailed(fault: Error & { readonly code?: string }): void {
  if (fault.code !== "EPIPE") throw fault;
}

/**
 * The tree of commands, or of the named one alone: of all where there is none of that name, so that help lists them and a
 * mistyped one is told which was meant. Nothing in it ends the process.
 */
export async function portcullisCommand(named?: string): Promise<Command> {
  const program = withExample(
    new Command("portcullis")
      .description("A governance gateway for AI: policy, sign-off and a provable trail for every call.")
      .version(version),
    "portcullis up --dir ./gateway",
  );
  const file = commandFiles.find(({ names }) => named !== undefined && names.includes(named));
  for (const { load } of file === undefined ? commandFiles : [file]) {
    for (const command of await load()) program.addCommand(command);
  }
  neverExit(program);
  return program;
}

/** Settings are inherited when a command is made, which is before it is added here, so each gets its own. */
function neverExit(command: Command): void {
  command.exitOverride().showHelpAfterError("(--help says how it is used)");
  for (const one of command.commands) neverExit(one);
}
