// Verifying a log from the command line, wherever it is: a data folder, a database, or a copy. Exports and URLs are verified by
// the package that does nothing else.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { keepPin } from "portcullis-verify/cli/pin-file.ts";
import { verifyCopy } from "portcullis-verify/cli/verify-copy.ts";
import { parseTlogPolicy, type TlogPolicy } from "portcullis-verify/log/tlog-policy.ts";
import { checkedText, ProgressLine } from "portcullis-verify/report/progress-line.ts";
import { printable } from "portcullis-verify/report/terminal-text.ts";
import type { OnEntry } from "portcullis-verify/rules/entry-walk.ts";
import { type VerifyReport, verifyLog } from "portcullis-verify/rules/verify-log.ts";
import { isHttpUrl } from "portcullis-verify/source/http-fetcher.ts";
import { FetchError } from "portcullis-verify/source/tile-fetcher.ts";
import { logStoreSource } from "../audit/log-store-source.ts";
import type { ReadOnlyRecord } from "../compose.ts";
import { OperatorError } from "../core/operator-error.ts";
import { decisionReplayer } from "../wiring/decision-replayer.ts";
import { openSealedRecord } from "../wiring/sealed-record.ts";
import { type Pin, verifierFor } from "./audit-key.ts";
import { Finding } from "./finding.ts";
import type { VerifyOptions } from "./log-options.ts";
import { type LogPlace, logPlace } from "./log-place.ts";

export interface Verified {
  readonly report: VerifyReport;
  /** Path of the head that was kept outside. */
  readonly pin: string | null;
}

/** `onEntry` is told of every entry that can be read, in order. Throws `OperatorError` when it could not be checked. */
export function verifyNamed(
  dir: string | undefined,
  options: VerifyOptions,
  onEntry: OnEntry = () => {},
): Promise<Verified> {
  const named = dir ?? options.dir;
  return named !== undefined && isCopy(named)
    ? verifiedCopy(named, options, onEntry)
    : verifiedStore(named, options, onEntry);
}

/** An exported folder, or a URL: both have the files of c2sp.org/tlog-tiles. */
function isCopy(place: string): boolean {
  if (isHttpUrl(place)) return true;
  const ofGateway = ["portcullis.db", join("data", "portcullis.db")];
  return existsSync(join(place, "checkpoint")) && !ofGateway.some((path) => existsSync(join(place, path)));
}

async function verifiedCopy(place: string, options: VerifyOptions, onEntry: OnEntry): Promise<Verified> {
  const {
    vkey,
    pin,
    policy: file,
    token = process.env["PORTCULLIS_TOKEN"],
    replay = false,
    payloads = false,
  } = options;
  if (payloads) throw new OperatorError("a copy has no payload; --payloads works on a data folder");
  const policy = file === undefined ? undefined : await witnessPolicy(file);
  const progress = new ProgressLine(checkedText);
  try {
    const checked = await verifyCopy(place, {
      ...{ vkey, pin, token, policy },
      replayer: replay ? decisionReplayer({ revision: revisionsOf(place), committed: null }) : undefined,
      onEntry,
      onProgress: (done, size) => progress.show(done, size),
    });
    if (!checked.ok) throw new OperatorError(checked.failure);
    return checked.value;
  } catch (fault) {
    throw inWords(fault, `\`${place}\``);
  } finally {
    progress.clear();
  }
}

/** An export has the policies that its entries name; their hash says whether they are. */
function revisionsOf(place: string): (id: string) => Promise<string | null> {
  return async (id) => {
    const path = join(place, "revisions", `${id}.json`);
    return isHttpUrl(place) || !existsSync(path) ? null : readFile(path, "utf8");
  };
}

async function verifiedStore(
  dir: string | undefined,
  options: VerifyOptions,
  onEntry: OnEntry,
): Promise<Verified> {
  const place = await logPlace(dir, options.config);
  const pin = await pinnedCheckpoint(options.pin, join(place.keysFolder, "checkpoint"));
  const report = await verified(place, options, pin, onEntry);
  // That beside the log is the gateway's own.
  if (pin?.beside === false) keepPin({ path: pin.path, note: pin.note }, report);
  return { report, pin: pin?.path ?? null };
}

async function verified(
  place: LogPlace,
  { vkey, policy: file, replay = false, payloads = false }: VerifyOptions,
  pin: Pin | null,
  onEntry: OnEntry,
): Promise<VerifyReport> {
  const policy = file === undefined ? null : await witnessPolicy(file);
  const progress = new ProgressLine(checkedText);
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
      ...(policy === null ? {} : { policy }),
      ...(sealed === null ? {} : { payloads: sealed.payloads }),
      ...(replay ? { replayer: decisionReplayer({ revision, committed: sealed?.committed ?? null }) } : {}),
      onEntry,
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
  if (fault instanceof FetchError) return new OperatorError(printable(fault.message));
  const message = fault instanceof Error ? fault.message : String(fault);
  return new OperatorError(`the log in ${place} could not be checked: ${message}; try it on a copy`);
}

async function witnessPolicy(path: string): Promise<TlogPolicy> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) throw new OperatorError(`the policy \`${path}\` cannot be read`);
  const policy = parseTlogPolicy(bytes);
  if (policy.ok) return policy.value;
  const { line, detail } = policy.failure;
  throw new OperatorError(`the policy \`${path}\`${line === null ? "" : `, line ${line}`}: ${detail}`);
}

async function pinnedCheckpoint(asked: string | undefined, kept: string): Promise<Pin | null> {
  const path = asked ?? kept;
  const beside = asked === undefined;
  try {
    return { path, note: await readFile(path, "utf8"), beside };
  } catch (fault) {
    if (beside) return null;
    // It is going to be kept there.
    if (fault instanceof Error && "code" in fault && fault.code === "ENOENT")
      return { path, note: null, beside };
    throw new OperatorError(`the checkpoint \`${asked}\` cannot be read`);
  }
}
