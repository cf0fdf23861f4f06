// `audit show`: entries in full, and the payload kept beside them, held against what the entries committed to.

import { printable, styled } from "portcullis-verify/report/terminal-text.ts";
import { OperatorError } from "../core/operator-error.ts";
import { type AdminClient, adminClient, isRow, type Row, rowsOf } from "./admin-client.ts";
import { leafOf, textOf } from "./entry-table.ts";
import { Finding } from "./finding.ts";
import { type GatewayOptions, print } from "./gateway-command.ts";

interface ShownEntry extends Row {
  readonly index: unknown;
  readonly leaf: unknown;
  /** Null when the gateway does not give it out. */
  readonly payloads: readonly Row[] | null;
}

export async function showEntries(name: string, options: GatewayOptions): Promise<void> {
  const client = adminClient(options.dir);
  const isCall = name.startsWith("call_");
  const entries = isCall
    ? await entriesOfCall(client, name)
    : [await client.get(`/entries/${encodeURIComponent(name)}`)];
  const shown: ShownEntry[] = [];
  for (const entry of entries) shown.push(await withPayloads(client, entry));
  print(options, isCall ? shown : shown[0], () => shown.map(entryText).join("\n\n"));
  const bad = shown.flatMap(({ index, payloads }) =>
    (payloads ?? []).filter(isWrong).map(({ field }) => `\`${String(field)}\` of entry ${String(index)}`),
  );
  if (bad.length > 0) throw new Finding(`payload is not what was recorded: ${bad.join(", ")}`);
}

async function entriesOfCall(client: AdminClient, call: string): Promise<readonly Row[]> {
  const query = { call, order: "oldest", limit: "200" };
  // Nothing that a call got comes after its completion; the page it stands on is looked through all the same. What is handed on
  // later of what waited for it stands with the call that gets it.
  const ended = (entries: readonly Row[]): boolean =>
    entries.some((entry) => leafOf(entry)["type"] === "call.completed");
  const entries = await client.pages("/entries", "entries", query, ended);
  if (entries.length === 0) throw new Finding(`there is no entry of \`${call}\``);
  return entries;
}

async function withPayloads(client: AdminClient, entry: Row): Promise<ShownEntry> {
  const { index, leaf } = entry;
  try {
    const answer = await client.get(`/entries/${String(index)}/payloads`);
    return { ...entry, index, leaf, payloads: rowsOf(answer["payloads"]) };
  } catch (fault) {
    if (!(fault instanceof Finding || fault instanceof OperatorError)) throw fault;
    console.error(`portcullis: the payload of entry ${String(index)} cannot be read: ${fault.message}`);
    return { ...entry, index, leaf, payloads: null };
  }
}

function isWrong({ status }: Row): boolean {
  return status === "differs" || status === "damaged";
}

function entryText(entry: ShownEntry): string {
  const leaf = leafOf(entry);
  const title = `entry ${String(entry.index)}  ${printable(textOf(leaf, "type"))}`;
  const members =
    entry.leaf === null ? [["problem", textOf(entry, "problem")] as const] : membersOf(leaf, "");
  const width = Math.max(...members.map(([name]) => name.length));
  return [
    styled("bold", title),
    ...members.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`.trimEnd()),
    ...(entry.payloads ?? []).flatMap(payloadLines),
  ].join("\n");
}

/** Members of members have names with dots. */
function membersOf(row: Row, prefix: string): readonly (readonly [string, string])[] {
  return Object.entries(row).flatMap(([key, value]) => {
    const name = printable(`${prefix}${key}`);
    return isRow(value) ? membersOf(value, `${name}.`) : [[name, valueText(value)] as const];
  });
}

function valueText(value: unknown): string {
  if (value === null) return "-";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map((one) => valueText(one)).join(", ");
  return printable(String(value));
}

const statusText: Readonly<Record<string, string>> = {
  matches: "matches the record",
  differs: "does NOT match the record",
  erased: "erased",
  not_kept: "not kept",
  damaged: "damaged: it does not decrypt",
};

/** More of a value than this is for `--json`. */
const shownCharacters = 4_000;

function payloadLines(payload: Row): readonly string[] {
  const { field, status, bytes, encoding, value } = payload;
  const told = statusText[String(status)] ?? String(status);
  const size =
    typeof bytes === "number" ? ` (${bytes} bytes${encoding === "base64" ? ", as base64" : ""})` : "";
  const head = `  payload ${printable(String(field))}: ${styled(colourOf(payload), told)}${size}`;
  if (typeof value !== "string") return [head];
  const cut = value.length > shownCharacters;
  const lines = printable(value.slice(0, shownCharacters), true).split("\n");
  return [head, ...lines.map((line) => `    ${line}`), ...(cut ? ["    … `--json` prints all of it"] : [])];
}

function colourOf(payload: Row): "green" | "red" | "yellow" {
  if (isWrong(payload)) return "red";
  return payload["status"] === "matches" ? "green" : "yellow";
}
