// `audit`: reading the trail, and checking it without trusting the gateway that wrote it.

import { Command } from "commander";
import { adminClient } from "./admin-client.ts";
import { evidenceCommand } from "./audit-evidence.ts";
import { exportCommand } from "./audit-export.ts";
import { showEntries } from "./audit-show.ts";
import { addTail } from "./audit-tail.ts";
import { verifyCommand } from "./audit-verify.ts";
import { entryTable } from "./entry-table.ts";
import { type GatewayOptions, gatewayCommand, print, wholeNumber, withExample } from "./gateway-command.ts";

interface ListOptions extends GatewayOptions {
  readonly type?: string;
  readonly call?: string;
  readonly approval?: string;
  readonly before?: number;
  readonly after?: number;
  readonly limit: number;
}

/** Most entries that a page has. */
const page = 200;

export function auditCommands(): Command {
  const audit = withExample(new Command("audit").description("the trail"), "portcullis audit verify");
  gatewayCommand(
    audit,
    "list",
    "the newest entries, oldest of them first",
    "portcullis audit list --type call.decided --limit 20",
  )
    .option("--type <type>", "only entries of this type, for example `call.decided`")
    .option("--call <call>", "only entries of this call")
    .option("--approval <approval>", "only entries of this approval")
    .option("--before <index>", "only entries with a smaller index", wholeNumber(0))
    .option("--after <index>", "only entries with a larger index", wholeNumber(0))
    .option("--limit <count>", "at most so many", wholeNumber(1), 50)
    .action(list);
  gatewayCommand(
    audit,
    "show",
    "an entry, or all of a call, with the payload that is kept and whether it is what was recorded",
    "portcullis audit show call_0193…",
  )
    .argument("<entry>", "an entry's index, an entry's id, or a call's id")
    .action(showEntries);
  addTail(
    gatewayCommand(
      audit,
      "tail",
      "entries as they are written, also in the formats of other systems",
      "portcullis audit tail --from 0 --format ocsf",
    ),
  );
  audit.addCommand(verifyCommand());
  audit.addCommand(exportCommand());
  audit.addCommand(evidenceCommand());
  return audit;
}

async function list(options: ListOptions): Promise<void> {
  const { type, call, approval, before, after, limit } = options;
  const query = {
    type,
    call,
    approval,
    before: before?.toString(),
    after: after?.toString(),
    limit: String(Math.min(limit, page)),
  };
  const found = await adminClient(options.dir).pages(
    "/entries",
    "entries",
    query,
    (entries) => entries.length >= limit,
  );
  const entries = found.slice(0, limit).toReversed();
  print(options, entries, () => (entries.length === 0 ? "there is no such entry" : entryTable(entries)));
}
