// `usage`: calls, tokens and cost, summed from the log.

import { Command } from "commander";
import { adminClient, type Row } from "./admin-client.ts";
import { type GatewayOptions, print, withGateway } from "./gateway-command.ts";
import { type Column, dollars, table } from "./table.ts";

interface UsageOptions extends GatewayOptions {
  readonly by: string;
  readonly from?: string;
  readonly to?: string;
  readonly now?: boolean;
}

export function usageCommand(): Command {
  const command = new Command("usage")
    .description("calls, tokens and cost, summed from the log; JSON has cost in millionths of a US dollar")
    .option("--by <dimensions>", "application, model, user, day; several separated by commas", "application")
    .option("--from <day>", "first day, YYYY-MM-DD, UTC")
    .option("--to <day>", "last day, YYYY-MM-DD, UTC")
    .option(
      "--now",
      "what counts against limits: by application and group, in this minute, hour, day and month",
    );
  return withGateway(command, "portcullis usage --by model,day --from 2026-01-01").action(usage);
}

async function usage(options: UsageOptions): Promise<void> {
  if (options.now === true) return counters(options);
  const { by, from, to } = options;
  const rows = await adminClient(options.dir).pages("/usage", "usage", { by, from, to });
  print(options, rows, () =>
    rows.length === 0 ? "no call is on record for this" : table(rows, columns(by.split(","), rows)),
  );
}

async function counters(options: UsageOptions): Promise<void> {
  const rows = await adminClient(options.dir).pages("/usage/counters", "counters", {});
  const money = dollars(rows.map((row) => Number(row["cost_micro_usd"])));
  const text = (title: string): Column<Row> => ({ title, cell: (row) => String(row[title]) });
  const number = (title: string): Column<Row> => ({ ...text(title), right: true });
  const cost: Column<Row> = {
    title: "cost",
    right: true,
    cell: (row) => money(Number(row["cost_micro_usd"])),
  };
  print(options, rows, () =>
    rows.length === 0
      ? "the config names no application"
      : table(rows, [
          ...["kind", "name", "window", "ends"].map(text),
          ...["requests", "tokens", "unpriced"].map(number),
          cost,
        ]),
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
