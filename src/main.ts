// Entry of the command line.

import { runCli } from "./cli/run.ts";

process.exitCode = await runCli(process.argv);
