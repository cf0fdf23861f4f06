// `audit tail`: entries as they are written, for people or, a line of JSON each, for other systems.

import { setTimeout } from "node:timers/promises";
import type { Command } from "commander";
import { Option } from "commander";
import { leafSchema } from "portcullis-verify/leaves/leaf-schema.ts";
import { type EntryFormat, entryFormats, entryLine } from "../audit/mappings/entry-line.ts";
import { OperatorError } from "../core/operator-error.ts";
import { type AdminClient, adminClient, isRow, type Row, rowsOf } from "./admin-client.ts";
import { entryTable } from "./entry-table.ts";
import { Finding } from "./finding.ts";
import { type GatewayOptions, wholeNumber } from "./gateway-command.ts";

interface TailOptions extends GatewayOptions {
  readonly from?: number;
  readonly format?: EntryFormat;
  readonly follow: boolean;
}

/** Most entries that a page has. */
const page = 200;
const lookEveryMs = 1_000;
/** Shown of what there is, unless `--from` says otherwise. */
const shownAtFirst = 10;

export function addTail(command: Command): Command {
  return command
    .option("--from <index>", "begin with this entry; default: the newest ten", wholeNumber(0))
    .addOption(
      new Option(
        "--format <format>",
        "lines of JSON: the entries, CloudEvents, OCSF events or OpenTelemetry logs",
      ).choices(entryFormats),
    )
    .option("--no-follow", "end with the newest entry")
    .action(tail);
}

async function tail({
  dir,
  from,
  follow,
  json,
  format = json === true ? "json" : undefined,
}: TailOptions): Promise<void> {
  const client = adminClient(dir);
  const ended = new AbortController();
  process.once("SIGINT", () => ended.abort());
  const origin = format === undefined ? "" : await originOf(client);
  let next = from ?? (await startOfNewest(client));
  let shown = false;
  for (;;) {
    const entries = await entriesFrom(client, next, follow && shown);
    if (entries.length > 0) {
      const text =
        format === undefined
          ? rowsBelow(entryTable(entries), shown)
          : entries.map((entry) => line(format, entry, origin)).join("\n");
      console.log(text);
      next = Number(entries.at(-1)?.["index"]) + 1;
    }
    shown = true;
    if (entries.length === page) continue;
    if (!follow) return;
    await setTimeout(lookEveryMs, null, { signal: ended.signal }).catch(() => null);
    if (ended.signal.aborted) return;
  }
}

/** Titles stand above the first of them only. */
function rowsBelow(table: string, titled: boolean): string {
  return titled ? table.slice(table.indexOf("\n") + 1) : table;
}

/** Whoever follows waits for a gateway that is started again. */
async function entriesFrom(client: AdminClient, next: number, patient: boolean): Promise<readonly Row[]> {
  const query = { order: "oldest", limit: String(page), after: next === 0 ? undefined : String(next - 1) };
  try {
    const { entries } = await client.get("/entries", query);
    return rowsOf(entries);
  } catch (fault) {
    if (!patient || !(fault instanceof OperatorError)) throw fault;
    console.error(`${fault.message}; asking again`);
    return [];
  }
}

async function startOfNewest(client: AdminClient): Promise<number> {
  const { entries } = await client.get("/entries", { limit: String(shownAtFirst) });
  return Number(rowsOf(entries).at(-1)?.["index"] ?? 0);
}

/** The first entry of a log says what it is called. */
async function originOf(client: AdminClient): Promise<string> {
  const { leaf } = await client.get("/entries/0");
  if (isRow(leaf) && typeof leaf["origin"] === "string") return leaf["origin"];
  throw new OperatorError("the first entry of the log does not name it; run `portcullis audit verify`");
}

function line(format: EntryFormat, { index, leaf }: Row, origin: string): string {
  const parsed = leafSchema.safeParse(leaf);
  if (!parsed.success)
    throw new Finding(`entry ${String(index)} cannot be read; run \`portcullis audit verify\``);
  return entryLine(format, { index: Number(index), leaf: parsed.data, origin });
}
