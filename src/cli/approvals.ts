// `approvals`: what waits for people, and deciding on it.

import { Command } from "commander";
import { styled } from "portcullis-verify/report/terminal-text.ts";
import { approvalStates } from "../approvals/approval-states.ts";
import { visibleText } from "../approvals/visible-text.ts";
import { OperatorError } from "../core/operator-error.ts";
import { type AdminClient, adminClient, type Row, rowsOf } from "./admin-client.ts";
import { approve, edit, reject, revoke, show } from "./approval-decisions.ts";
import { timeLeft } from "./approval-text.ts";
import { type GatewayOptions, gatewayCommand, print, withExample } from "./gateway-command.ts";
import type { ServerEvent } from "./server-events.ts";
import { table } from "./table.ts";

interface ListOptions extends GatewayOptions {
  readonly state: string;
  readonly watch?: boolean;
}

export function approvalsCommands(): Command {
  const approvals = withExample(
    new Command("approvals").description("what waits for people, and deciding on it"),
    "portcullis approvals list",
  );
  const command = (name: string, description: string, example: string): Command =>
    gatewayCommand(approvals, name, description, example);
  command("list", "what waits, oldest first", "portcullis approvals list --state pending,approved")
    .option(
      "--state <states>",
      `${approvalStates.join(", ")}; several separated by commas; or all`,
      "pending",
    )
    .option(
      "--watch",
      "go on to tell what happens, until it is interrupted; with --json a line for each event",
    )
    .action(list);
  command(
    "show",
    "all that it takes to decide; that you were shown it goes on record",
    "portcullis approvals show apr_0193…",
  )
    .argument("<id>", idText)
    .action(show);
  command(
    "approve",
    "sign off exactly what was shown",
    "portcullis approvals approve apr_0193… --digest 4f0c…",
  )
    .argument("<id>", idText)
    .option("--digest <digest>", "of what you saw; without it, it is shown to you first")
    .option("--reason <text>", "for the record")
    .option("--yes", "do not ask again")
    .action(approve);
  command("reject", "say no, and why", 'portcullis approvals reject apr_0193… --reason "wrong address"')
    .argument("<id>", idText)
    .option("--digest <digest>", "of what you saw; default: whatever waits now")
    .option("--reason <text>", "for the record, and for whoever asked; on a terminal it is asked for")
    .action(reject);
  command(
    "edit",
    "put other arguments in place of these; then all vote anew, and you do not",
    "portcullis approvals edit apr_0193…",
  )
    .argument("<id>", idText)
    .option("--digest <digest>", "of what you saw; without it, whatever waits now is edited")
    .option(
      "--arguments <file>",
      "take them from a file, or `-` for standard input, instead of an editor ($EDITOR)",
    )
    .option("--reason <text>", "for the record, and for who votes")
    .action(edit);
  command(
    "revoke",
    "take back what waits, or was approved and not used yet",
    'portcullis approvals revoke apr_0193… --reason "sent by hand"',
  )
    .argument("<id>", idText)
    .requiredOption("--reason <text>", "for the record")
    .action(revoke);
  return approvals;
}

const idText = "the approval's id as `approvals list` shows it, or a beginning that only it has";

async function list(options: ListOptions): Promise<void> {
  const client = adminClient(options.dir);
  if (options.watch === true) return watch(client, options);
  const state = options.state === "all" ? undefined : options.state;
  const approvals = await client.pages("/approvals", "approvals", { state });
  print(options, approvals, () =>
    approvals.length === 0
      ? options.state === "pending"
        ? "nothing waits for anybody"
        : "there is no such approval"
      : approvalTable(approvals, Date.now()),
  );
}

function approvalTable(approvals: readonly Row[], now: number): string {
  return table(approvals, [
    { title: "id", cell: (row) => String(row["id"]) },
    { title: "state", cell: (row) => String(row["state"]), style: styledState },
    { title: "what", cell: (row) => folded(String(row["tool"] ?? row["target"] ?? "")) },
    { title: "application", cell: (row) => String(row["application"]) },
    { title: "sign-offs", cell: (row) => rowsOf(row["sign_offs"]).map(signOff).join(", ") },
    { title: "left", right: true, cell: (row) => leftOf(row, now) },
    { title: "arguments", cell: (row) => folded(String(row["arguments"] ?? "(cannot be opened)")) },
  ]);
}

function signOff({ name, quorum, given }: Row): string {
  return `${String(name)} ${String(given)}/${String(quorum)}`;
}

function leftOf({ state, expires }: Row, now: number): string {
  return state === "pending"
    ? timeLeft(Math.max(0, Math.floor((Date.parse(String(expires)) - now) / 1000)))
    : "-";
}

const shownCharacters = 60;

/** In a list there is a beginning; `show` has all of it. */
function folded(text: string): string {
  const visible = visibleText(text.slice(0, shownCharacters));
  return text.length <= shownCharacters ? visible : `${visible.slice(0, shownCharacters)}…`;
}

function styledState(text: string): string {
  if (text === "pending") return styled("yellow", text);
  return text === "approved" || text === "released" ? styled("green", text) : styled("red", text);
}

/** Ends when it is interrupted. */
async function watch(client: AdminClient, options: ListOptions): Promise<void> {
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);
  for await (const event of client.events(stop.signal)) {
    console.log(options.json === true ? eventJson(event) : eventText(event));
  }
}

function eventJson({ name, data }: ServerEvent): string {
  return JSON.stringify({ event: name, ...dataOf(data) });
}

function eventText({ name, data }: ServerEvent): string {
  const told = dataOf(data);
  if (name === "snapshot") {
    const open = rowsOf(told["approvals"]).map(itemText);
    return [`${String(told["pending"])} wait`, ...open].join("\n");
  }
  return `${styled("bold", name.replace("approval.", "").padEnd(9))} ${itemText(told)}  (${String(told["pending"])} wait)`;
}

function itemText(item: Row): string {
  const { id, state, tool, application } = item;
  return `${String(id)}  ${styledState(String(state))}  ${visibleText(String(tool ?? "call"))} for ${visibleText(String(application))}`;
}

function dataOf(data: string): Row {
  const parsed: unknown = JSON.parse(data);
  if (typeof parsed !== "object" || parsed === null) throw new OperatorError("what answers is no gateway");
  return { ...parsed };
}
