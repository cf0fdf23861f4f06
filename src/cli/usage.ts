// `usage`: calls, tokens and cost, summed from the log.

import { Command } from "commander";
import { adminClient, type Row } from "./admin-client.ts";
import { type GatewayOptions, print, withGateway } from "./gateway-command.ts";
import { type Column, dollars, table } from "./table.ts";

interface UsageOptions extends GatewayOptions {
  readonly by: string;
  readonly from?: string;
  readonly to?: string;
}

export function usageCommand(): Command {
  const command = new Command("usage")
    .description("calls, tokens and cost, summed from the log; JSON has cost in millionths of a US dollar")
    .option("--by <dimensions>", "application, model, user, day; several separated by commas", "application")
    .option("--from <day>", "first day, YYYY-MM-DD, UTC")
    .option("--to <day>", "last day, YYYY-MM-DD, UTC");
  return withGateway(command, "portcullis usage --by model,day --from 2026-01-01").action(usage);
}

async function usage(options: UsageOptions): Promise<void> {
  const { by, from, to } = options;
  const rows = await adminClient(options.dir).pages("/usage", "usage", { by, from, to });
  print(options, rows, () =>
    rows.length === 0 ? "no call is on record for this" : table(rows, columns(by.split(","), rows)),
  );
}

const counts = [
  ["calls", "calls"],
  ["refused", "refused"],
  ["input", "input_tokens"],
  ["cached", "cached_input_tokens"],
  ["output", "output_tokens"],
  ["estimated", "estimated"],
  ["unpriced", "unpriced"],
] as const;

function columns(dimensions: readonly string[], rows: readonly Row[]): readonly Column<Row>[] {
  const money = dollars(rows.map((row) => Number(row["cost_micro_usd"])));
  return [
    ...dimensions.map((title) => ({ title, cell: (row: Row) => String(row[title] ?? "") || "-" })),
    ...counts.map(([title, member]) => ({ title, right: true, cell: (row: Row) => String(row[member]) })),
    { title: "cost", right: true, cell: (row) => money(Number(row["cost_micro_usd"])) },
  ];
}
