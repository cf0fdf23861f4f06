// The log and its keys: whether they belong together, and whether time and seals are as they should be. The whole log is
// for `audit verify`.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { checkpointFailureText, openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { openLogKey, openSubjectLookupKey, subjectLookupKeyFile } from "../../audit/key-files.ts";
import type { LogStore } from "../../audit/log-store.ts";
import { checkLookupKey } from "../../audit/subjects.ts";
import { maxClockBehindMs } from "../../audit/trail-clock.ts";
import type { InspectedData } from "../../compose.ts";
import { readTextFile } from "../../core/durable-file.ts";
import { openKek } from "../../credentials/kek.ts";
import { openRootKey } from "../../credentials/root-key.ts";
import type { Growth } from "./disk-checks.ts";
import { type DoctorFinding, guarded, ok, problem, skipped, warning } from "./finding.ts";

export interface LogTimes {
  readonly size: number;
  /** Milliseconds since the epoch; null when that entry cannot be read. */
  readonly first: number | null;
  readonly newest: number | null;
}

export async function logTimes(log: LogStore): Promise<LogTimes> {
  const { size } = await log.head();
  return { size, first: await timeOf(log, 0), newest: await timeOf(log, size - 1) };
}

async function timeOf(log: LogStore, index: number): Promise<number | null> {
  const [entry] = index < 0 ? [] : await log.read(index, index + 1);
  const leaf = entry === undefined ? null : parseLeaf(entry.leaf);
  return leaf?.ok === true ? Date.parse(leaf.value.time) : null;
}

export function growthOf({ size, first, newest }: LogTimes): Growth | null {
  return first === null || newest === null ? null : { entries: size, spanMs: newest - first };
}

export function clockCheck({ newest }: LogTimes, now: number): readonly DoctorFinding[] {
  const check = "clock";
  if (newest === null) return [ok(check, "nothing on record to hold it against")];
  const behind = newest - now;
  const advice = "set the clock right; if the entries are what is wrong, a start names how to go on";
  const says = `${Math.ceil(behind / 1000)} s behind the newest entry`;
  if (behind > maxClockBehindMs) return [problem(check, `${says}, so nothing is recorded`, advice)];
  if (behind > 1_000) return [warning(check, says, advice)];
  return [ok(check, "not behind the newest entry")];
}

/** Promised within a second; what a killed gateway left is sealed at the next start. */
const sealedWithinMs = 5_000;

export async function sealCheck(
  log: LogStore,
  { newest }: LogTimes,
  now: number,
  held: boolean,
): Promise<readonly DoctorFinding[]> {
  const check = "seal";
  const { size } = await log.head();
  const sealed = (await log.latestCheckpoint())?.size ?? 0;
  const open = size - sealed;
  if (open <= 0) return [ok(check, `all ${size} entries are under a signed checkpoint`)];
  if (held && newest !== null && now - newest < sealedWithinMs)
    return [ok(check, `${open} entries of the last seconds are about to be sealed`)];
  const says = `the last ${open} of ${size} entries are not under a signed checkpoint`;
  if (held)
    return [
      problem(check, says, "the keys folder must be writable and not full; the gateway's log says more"),
    ];
  return [warning(check, says, "it was ended without closing; the next start checks and seals them")];
}

/** Whether the keys at hand are those of this data. `held`: a gateway is running on it. */
export async function keyChecks(
  data: InspectedData,
  keysFolder: string,
  environment: NodeJS.ProcessEnv,
  held: boolean,
): Promise<readonly DoctorFinding[]> {
  const origin = (await data.log.identity())?.origin ?? null;
  const folder = { folder: keysFolder, mayCreate: false };
  const found = await Promise.all([
    guarded("log key", async () => {
      const signer = await openLogKey(origin, folder);
      return [
        ok("log key", `of the log \`${signer.name}\``),
        ...(await headCheck(data.log, keysFolder, signer)),
      ];
    }),
    guarded("lookup key", async () => {
      const key = await openSubjectLookupKey(folder);
      await checkLookupKey(data.keyChecks, key, `\`${join(keysFolder, subjectLookupKeyFile)}\``, false);
      return [ok("lookup key", "the one that this data names people under")];
    }),
    guarded("key-encryption key", () => kekCheck(data, keysFolder, environment, held)),
  ]);
  return found.flat();
}

async function kekCheck(
  { keyChecks }: InspectedData,
  keysFolder: string,
  environment: NodeJS.ProcessEnv,
  held: boolean,
): Promise<readonly DoctorFinding[]> {
  const check = "key-encryption key";
  const { PORTCULLIS_KEK: variable, CREDENTIALS_DIRECTORY: credentials } = environment;
  const handed = variable !== undefined || credentials !== undefined;
  if (held && !handed && !existsSync(join(keysFolder, "kek")))
    return [skipped(check, "the running gateway has it from elsewhere, and checked it when it started")];
  // A copy: reading the variable removes it.
  const kek = await openKek(keysFolder, false, { ...environment });
  await openRootKey(kek, keyChecks, false);
  return [ok(check, `${kek.place} opens this data`)];
}

async function headCheck(
  log: LogStore,
  keysFolder: string,
  signer: Parameters<typeof openCheckpoint>[1],
): Promise<readonly DoctorFinding[]> {
  const check = "head outside";
  const path = join(keysFolder, "checkpoint");
  const note = await readTextFile(path);
  const { size } = await log.head();
  if (note === null)
    return [
      problem(
        check,
        `\`${path}\` is missing, so nothing tells this data from an older copy`,
        "put it back, or read *Operations* on going on without it",
      ),
    ];
  const opened = openCheckpoint(note, signer);
  if (!opened.ok)
    return [
      problem(
        check,
        `\`${path}\` is not the head of this log: ${checkpointFailureText(opened.failure)}`,
        "restore it together with the log key",
      ),
    ];
  if (opened.value.size > size)
    return [
      problem(
        check,
        `the data is older than \`${path}\`: ${size} entries of ${opened.value.size}`,
        "restore the newest copy of the data folder; *Operations* says what if there is none",
      ),
    ];
  return [ok(check, `\`${path}\` vouches for ${opened.value.size} of ${size} entries`)];
}
