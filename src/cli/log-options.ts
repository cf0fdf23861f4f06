// How a log is named on the command line, and what it is held against. Apart from what verifies it, which is half of the gateway
// and is loaded when it is needed.

import type { Command } from "commander";

export interface VerifyOptions {
  readonly dir?: string;
  readonly config?: string;
  readonly vkey?: string;
  readonly pin?: string;
  readonly token?: string;
  readonly policy?: string;
  readonly replay?: boolean;
  readonly payloads?: boolean;
}

/** Which log, and what it is held against. */
export function withLog(command: Command): Command {
  return command
    .argument(
      "[dir|url]",
      "a data folder, a gateway's folder with `data` in it, an exported log, or the URL of one; default: --dir",
    )
    .option("--dir <dir>", "the gateway's folder; default: the current one, or one above it")
    .option(
      "--config <file>",
      "a config, of whose log; default: the one in the gateway's folder, where it names a database",
    )
    .option(
      "--vkey <key|file>",
      "the log's verifier key; default: the one in the folder, which proves nothing against its owner",
    )
    .option(
      "--pin <file>",
      "a checkpoint kept elsewhere, which is moved on to the newest one that holds; default: `keys/checkpoint` beside the data folder, where it is, or of a copy a file of your own for each log",
    )
    .option("--token <token>", "sent to the server of a URL as bearer token; default: `PORTCULLIS_TOKEN`")
    .option(
      "--policy <file>",
      "a witness policy (C2SP tlog-policy): which witnesses must have cosigned, and for which logs",
    )
    .option("--replay", "also evaluate every decision again, by the policies that it names")
    .option(
      "--payloads",
      "also open kept payload, with the keys in `keys` beside the data folder: it is held against the trail, and decisions on it can be evaluated again",
    );
}
