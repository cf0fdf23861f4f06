// `audit verify`: works on files alone, a running gateway's or a copy's, with nothing but the log's public key.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { parseVerifierKey } from "../audit/signed-note.ts";
import { logStoreSource } from "../audit/verify/entry-source.ts";
import { findingText } from "../audit/verify/finding.ts";
import { type VerifyReport, verifyLog } from "../audit/verify/verify-log.ts";
import { openSqliteLogReadOnly } from "../compose.ts";
import { OperatorError } from "../core/operator-error.ts";
import { findOperatorFile } from "../identity/operator-token.ts";
import { Finding } from "./finding.ts";
import { print, withExample } from "./gateway-command.ts";
import { printable, styled } from "./table.ts";

interface VerifyOptions {
  readonly dir?: string;
  readonly vkey?: string;
  readonly pin?: string;
  readonly json?: boolean;
}

export function verifyCommand(): Command {
  const command = new Command("verify")
    .description("check files: nothing removed or rewritten, every call decided before and completed once")
    .argument("[dir]", "a data folder, or a gateway's folder with `data` in it; default: --dir")
    .option("--dir <dir>", "the gateway's folder; default: the current one, or one above it")
    .option(
      "--vkey <key>",
      "the log's verifier key; default: the one in the folder, which proves nothing against its owner",
    )
    .option(
      "--pin <file>",
      "a checkpoint kept elsewhere; default: `keys/checkpoint` beside the data folder, where it is",
    )
    .option("--json", "print JSON");
  return withExample(command, "portcullis audit verify ./data").action(verify);
}

async function verify(dir: string | undefined, options: VerifyOptions): Promise<void> {
  const folder = dataFolder(dir ?? options.dir);
  const database = openSqliteLogReadOnly(folder);
  const progress = new Progress();
  try {
    const identity = await database.log.identity();
    if (identity === null) throw new OperatorError(`the log in \`${folder}\` has not been begun`);
    const verifier = parseVerifierKey(options.vkey ?? identity.vkey);
    if (!verifier.ok) throw new OperatorError(`the verifier key cannot be used: ${verifier.failure}`);
    const pin = await pinnedCheckpoint(options.pin, join(dirname(folder), "keys", "checkpoint"));
    const report = await verifyLog({
      source: logStoreSource(database.log),
      verifier: verifier.value,
      pinned: pin?.note ?? null,
      onProgress: ({ checked, size }) => progress.show(checked, size),
    });
    progress.clear();
    print(options, report, () => reportText(report, pin?.path ?? null));
    if (!report.ok) throw new Finding("");
  } finally {
    progress.clear();
    database.close();
  }
}

function dataFolder(dir: string | undefined): string {
  const named = resolve(dir ?? ".");
  const inside = join(named, "data");
  if (existsSync(inside)) return inside;
  const above = dir === undefined ? findOperatorFile(named) : null;
  return above === null ? named : dirname(above);
}

async function pinnedCheckpoint(
  asked: string | undefined,
  kept: string,
): Promise<{ readonly path: string; readonly note: string } | null> {
  const path = asked ?? kept;
  try {
    return { path, note: await readFile(path, "utf8") };
  } catch {
    if (asked === undefined) return null;
    throw new OperatorError(`the checkpoint \`${asked}\` cannot be read`);
  }
}

function reportText(report: VerifyReport, pin: string | null): string {
  const { log, governance, findings, moreFindings } = report;
  return [
    `log ${report.origin}: ${log.entries} entries, ${log.checkpoints} checkpoints, ${log.unsealed} not sealed yet`,
    pin === null
      ? "head kept outside: none, so a log that its owner rewrote from the start would pass; name one with --pin"
      : `head kept outside: \`${pin}\``,
    `calls: ${governance.calls} decided, ${governance.completed} completed (${governance.unknownOutcomes} with unknown outcome), ${governance.open} open, ${governance.dispatched} dispatched`,
    `actions: ${governance.actions} decided, ${governance.actionsPermitted} permitted (writes: ${governance.writesApproved} approved, ${governance.writesUnattended} unattended)`,
    ...findings.map((finding) => styled("red", `FOUND ${printable(findingText(finding))}`)),
    ...(moreFindings > 0 ? [`and ${moreFindings} findings more`] : []),
    report.ok ? styled("green", "it holds") : styled("red", "it does not hold"),
  ].join("\n");
}

/** On a terminal, how far it is. */
class Progress {
  #shownAt = performance.now();
  #shown = false;

  show(checked: number, size: number): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#shownAt < 100) return;
    this.#shownAt = now;
    this.#shown = true;
    const percent = Math.floor((checked / Math.max(1, size)) * 100);
    process.stderr.write(`\r\u001b[Kchecked ${checked} of ${size} entries (${percent} %)`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\u001b[K");
    this.#shown = false;
  }
}
