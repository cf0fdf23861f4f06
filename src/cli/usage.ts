// `usage`: calls, tokens and cost, summed from the log.

import { Command } from "commander";
import { adminClient, print, rows, table } from "./admin-client.ts";

const numbers = [
  "calls",
  "refused",
  "inputTokens",
  "cachedInputTokens",
  "outputTokens",
  "costMicroUsd",
  "estimated",
  "unpriced",
];

export function usageCommand(): Command {
  return new Command("usage")
    .description("calls, tokens and cost (in millionths of a US dollar), summed from the log")
    .option("--by <dimensions>", "application, model, user, day; several separated by commas", "application")
    .option("--from <day>", "first day, YYYY-MM-DD, UTC")
    .option("--to <day>", "last day, YYYY-MM-DD, UTC")
    .option("--dir <dir>", "the gateway's folder", ".")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  portcullis usage --by model,day --from 2026-01-01")
    .action(async (options: { by: string; from?: string; to?: string; dir: string; json?: boolean }) => {
      const query = new URLSearchParams({ by: options.by });
      if (options.from !== undefined) query.set("from", options.from);
      if (options.to !== undefined) query.set("to", options.to);
      const list = rows(await adminClient(options.dir).get(`/usage?${query}`), "usage");
      print(options.json === true, list, () => table(list, [...options.by.split(","), ...numbers]));
    });
}
