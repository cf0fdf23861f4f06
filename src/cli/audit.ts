// `audit`: reading the trail, and checking it without trusting the gateway that wrote it.

import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { parseVerifierKey } from "../audit/signed-note.ts";
import { logStoreSource } from "../audit/verify/entry-source.ts";
import { findingText } from "../audit/verify/finding.ts";
import { type VerifyReport, verifyLog } from "../audit/verify/verify-log.ts";
import { openSqliteLogReadOnly } from "../compose.ts";
import { OperatorError } from "../core/operator-error.ts";
import { adminClient, print, rows } from "./admin-client.ts";
import { Finding } from "./finding.ts";

export function auditCommands(): Command {
  const audit = new Command("audit").description("the trail");
  audit
    .command("list")
    .description("entries, oldest first")
    .option("--from <index>", "first entry", "0")
    .option("--limit <count>", "at most so many", "100")
    .option("--dir <dir>", "the gateway's folder", ".")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  portcullis audit list --from 100")
    .action(async (options: { from: string; limit: string; dir: string; json?: boolean }) => {
      const query = new URLSearchParams({ from: options.from, limit: options.limit });
      const list = rows(await adminClient(options.dir).get(`/entries?${query}`), "entries");
      print(options.json === true, list, () => list.map(entryLine).join("\n"));
    });
  audit
    .command("show")
    .description("one entry")
    .argument("<index>")
    .option("--dir <dir>", "the gateway's folder", ".")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  portcullis audit show 12")
    .action(async (index: string, options: { dir: string; json?: boolean }) => {
      const entry = await adminClient(options.dir).get(`/entries/${encodeURIComponent(index)}`);
      print(true, entry, () => "");
    });
  audit
    .command("verify")
    .description(
      "check a data folder: nothing removed or rewritten, every call decided before and completed once",
    )
    .argument("[data]", "the data folder; default: `data` of --dir")
    .option("--dir <dir>", "the gateway's folder", ".")
    .option(
      "--vkey <key>",
      "the log's verifier key; default: the one in the folder, which proves nothing against its owner",
    )
    .option(
      "--pin <file>",
      "a checkpoint kept elsewhere; default: `keys/checkpoint` beside the data folder, where it is",
    )
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  portcullis audit verify ./data")
    .action(verify);
  return audit;
}

interface VerifyOptions {
  readonly dir: string;
  readonly vkey?: string;
  readonly pin?: string;
  readonly json?: boolean;
}

async function verify(data: string | undefined, options: VerifyOptions): Promise<void> {
  const folder = resolve(data ?? join(options.dir, "data"));
  const database = openSqliteLogReadOnly(folder);
  try {
    const identity = await database.log.identity();
    if (identity === null) throw new OperatorError(`the log in \`${folder}\` has not been begun`);
    const verifier = parseVerifierKey(options.vkey ?? identity.vkey);
    if (!verifier.ok) throw new OperatorError(`the verifier key cannot be used: ${verifier.failure}`);
    const pinned = await pinnedCheckpoint(options.pin, join(dirname(folder), "keys", "checkpoint"));
    const report = await verifyLog({
      source: logStoreSource(database.log),
      verifier: verifier.value,
      pinned,
    });
    print(options.json === true, report, () => reportText(report));
    if (!report.ok) throw new Finding("");
  } finally {
    database.close();
  }
}

async function pinnedCheckpoint(asked: string | undefined, kept: string): Promise<string | null> {
  try {
    return await readFile(asked ?? kept, "utf8");
  } catch {
    if (asked === undefined) return null;
    throw new OperatorError(`the checkpoint \`${asked}\` cannot be read`);
  }
}

function reportText(report: VerifyReport): string {
  const { log, governance } = report;
  const lines = [
    `log ${report.origin}: ${log.entries} entries, ${log.checkpoints} checkpoints, ${log.unsealed} not sealed yet`,
    `calls: ${governance.calls} decided, ${governance.completed} completed, ${governance.open} open, ${governance.dispatched} dispatched`,
    `actions: ${governance.actions} decided, ${governance.actionsPermitted} permitted`,
    ...report.findings.map((finding) => `FOUND ${findingText(finding)}`),
    report.ok ? "it holds" : "it does not hold",
  ];
  return lines.join("\n");
}

function entryLine(entry: Readonly<Record<string, unknown>>): string {
  const leaf: unknown = entry["leaf"];
  if (typeof leaf !== "object" || leaf === null) return String(entry["index"]);
  const member = (key: string): string => String(Reflect.get(leaf, key) ?? "");
  const about = [
    member("call"),
    member("decision"),
    member("outcome"),
    member("target"),
    member("key"),
    member("secret"),
  ];
  return [
    String(entry["index"]).padStart(6),
    member("time"),
    member("type").padEnd(18),
    ...about.filter((text) => text !== ""),
  ].join("  ");
}
