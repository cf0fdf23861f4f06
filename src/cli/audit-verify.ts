// `audit verify`: works on the data alone, a running gateway's or a copy's, with nothing but the log's public key.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { type VerifyReport, verifyLog } from "portcullis-verify/rules/verify-log.ts";
import { logStoreSource } from "../audit/log-store-source.ts";
import type { ReadOnlyRecord } from "../compose.ts";
import { OperatorError } from "../core/operator-error.ts";
import { decisionReplayer } from "../wiring/decision-replayer.ts";
import { openSealedRecord } from "../wiring/sealed-record.ts";
import { type Pin, verifierFor } from "./audit-key.ts";
import { reportText } from "./audit-report.ts";
import { Finding } from "./finding.ts";
import { print, withExample } from "./gateway-command.ts";
import { type LogPlace, logPlace } from "./log-place.ts";
import { ProgressLine } from "./progress-line.ts";

interface VerifyOptions {
  readonly dir?: string;
  readonly config?: string;
  readonly vkey?: string;
  readonly pin?: string;
  readonly replay?: boolean;
  readonly payloads?: boolean;
  readonly json?: boolean;
}

export function verifyCommand(): Command {
  const command = new Command("verify")
    .description("check the log: nothing removed or rewritten, every call decided before and completed once")
    .argument("[dir]", "a data folder, or a gateway's folder with `data` in it; default: --dir")
    .option("--dir <dir>", "the gateway's folder; default: the current one, or one above it")
    .option(
      "--config <file>",
      "a config, of whose log; default: the one in the gateway's folder, where it names a database",
    )
    .option(
      "--vkey <key>",
      "the log's verifier key; default: the one in the folder, which proves nothing against its owner",
    )
    .option(
      "--pin <file>",
      "a checkpoint kept elsewhere; default: `keys/checkpoint` beside the data folder, where it is",
    )
    .option("--replay", "also evaluate every decision again, by the policies that it names")
    .option(
      "--payloads",
      "also open kept payload, with the keys in `keys` beside the data folder: it is held against the trail, and decisions on it can be evaluated again",
    )
    .option("--json", "print JSON");
  return withExample(command, "portcullis audit verify ./data").action(verifyTrail);
}

/** Prints what was found; throws a `Finding` when it does not hold. */
export async function verifyTrail(dir: string | undefined, options: VerifyOptions): Promise<void> {
  const place = await logPlace(dir ?? options.dir, options.config);
  const pin = await pinnedCheckpoint(options.pin, join(place.keysFolder, "checkpoint"));
  const report = await verified(place, options, pin);
  print(options, report, () => reportText(report, pin?.path ?? null));
  if (!report.ok) throw new Finding("");
}

async function verified(
  place: LogPlace,
  { vkey, replay = false, payloads = false }: VerifyOptions,
  pin: Pin | null,
): Promise<VerifyReport> {
  const progress = new ProgressLine((checked, size) => `checked ${checked} of ${size} entries`);
  let database: ReadOnlyRecord | null = null;
  try {
    database = await place.open();
    const { revisions } = database;
    const { verifier, fromLog } = await verifierFor(database.log, place.name, vkey, pin);
    // A copy: reading the variable of the key-encryption key removes it.
    const sealed = payloads ? await openSealedRecord(database, place.keysFolder, { ...process.env }) : null;
    const revision = async (id: string): Promise<string | null> =>
      (await revisions.byRevision(id))?.content ?? null;
    return await verifyLog({
      source: logStoreSource(database.log),
      verifier,
      keyFromLog: fromLog,
      pinned: pin?.note ?? null,
      pinFromLog: pin?.beside === true,
      ...(sealed === null ? {} : { payloads: sealed.payloads }),
      ...(replay ? { replayer: decisionReplayer({ revision, committed: sealed?.committed ?? null }) } : {}),
      onProgress: ({ checked, size }) => progress.show(checked, size),
    });
  } catch (fault) {
    throw inWords(fault, place.name);
  } finally {
    progress.clear();
    await database?.close();
  }
}

/** What cannot be read is no evidence: the files may be damaged in any way, and none of them is a fault of this program. */
function inWords(fault: unknown, place: string): unknown {
  if (fault instanceof Finding || fault instanceof OperatorError) return fault;
  const message = fault instanceof Error ? fault.message : String(fault);
  return new OperatorError(`the log in ${place} could not be checked: ${message}; try it on a copy`);
}

async function pinnedCheckpoint(asked: string | undefined, kept: string): Promise<Pin | null> {
  const path = asked ?? kept;
  try {
    return { path, note: await readFile(path, "utf8"), beside: asked === undefined };
  } catch {
    if (asked === undefined) return null;
    throw new OperatorError(`the checkpoint \`${asked}\` cannot be read`);
  }
}
