// How commands that ask a gateway are declared and how they answer: the same options, an example in every help, JSON for
// programs and text for people.

import { type Command, InvalidArgumentError } from "commander";

export interface GatewayOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

export function gatewayCommand(parent: Command, name: string, description: string, example: string): Command {
  return withGateway(parent.command(name).description(description), example);
}

export function withGateway(command: Command, example: string): Command {
  return withExample(
    command
      .option("--dir <dir>", "the gateway's folder; default: the current one, or one above it")
      .option("--json", "print JSON"),
    example,
  );
}

export function withExample(command: Command, example: string): Command {
  return command.addHelpText("after", `\nExample:\n  ${example}`);
}

export function print(options: GatewayOptions, value: unknown, text: () => string): void {
  console.log(options.json === true ? JSON.stringify(value, null, 2) : text());
}

/** For an option that takes a whole number. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]{1,15}$/.test(text) && value >= least) return value;
    throw new InvalidArgumentError(`it takes a whole number from ${least} on`);
  };
}
