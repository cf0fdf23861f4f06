// Verifies a log that lies in tiles: an exported folder, or what a server gives out. The command of this package and the
// gateway's `audit verify` do it the same way.

import { readFileSync } from "node:fs";
import { parseLeaf } from "../leaves/parse-leaf.ts";
import { type NoteVerifier, parseVerifierKey } from "../log/signed-note.ts";
import type { TlogPolicy } from "../log/tlog-policy.ts";
import { fail, ok, type Result } from "../result.ts";
import type { OnEntry } from "../rules/entry-walk.ts";
import type { DecisionReplayer } from "../rules/replay-rules.ts";
import { type VerifyReport, verifyLog } from "../rules/verify-log.ts";
import type { EntrySource } from "../source/entry-source.ts";
import { folderFetcher } from "../source/folder-fetcher.ts";
import { httpFetcher, isHttpUrl } from "../source/http-fetcher.ts";
import { FetchError, type TileFetcher } from "../source/tile-fetcher.ts";
import { tileSource } from "../source/tile-source.ts";
import { defaultPinPath, keepPin, readPin } from "./pin-file.ts";

export interface CopyOptions {
  /** A verifier key, or the path of a file with one. */
  readonly vkey?: string | undefined;
  /** Default: a file in the user's own folder, by the log's key. */
  readonly pin?: string | undefined;
  readonly token?: string | undefined;
  readonly policy?: TlogPolicy | undefined;
  readonly replayer?: DecisionReplayer | undefined;
  readonly onEntry?: OnEntry | undefined;
  readonly onProgress: (checked: number, size: number) => void;
}

export interface CheckedCopy {
  readonly report: VerifyReport;
  readonly pin: string;
}

/** In words why it could not be checked, which is evidence of nothing. Rejects with `FetchError` where it cannot be read. */
export async function verifyCopy(place: string, options: CopyOptions): Promise<Result<CheckedCopy, string>> {
  const fetcher = fetcherOf(place, options.token);
  const source = tileSource(fetcher);
  if ((await source.checkpoints(-1)).length === 0 && (await fetcher.fetch("vkey")) === null) {
    return fail(`there is no log at ${fetcher.place}: it has neither \`checkpoint\` nor \`vkey\``);
  }
  const key = options.vkey === undefined ? await keyOfLog(source) : namedKey(options.vkey);
  if (!key.ok) return key;
  const verifier = key.value;
  const pin = readable(() => readPin(options.pin ?? defaultPinPath(verifier, process.env)));
  const report = await verifyLog({
    source,
    verifier,
    keyFromLog: options.vkey === undefined,
    pinned: pin.note,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ...(options.replayer === undefined ? {} : { replayer: options.replayer }),
    ...(options.onEntry === undefined ? {} : { onEntry: options.onEntry }),
    onProgress: ({ checked, size }) => options.onProgress(checked, size),
  });
  readable(() => keepPin(pin, report));
  return ok({ report, pin: pin.path });
}

function fetcherOf(place: string, token: string | undefined): TileFetcher {
  return isHttpUrl(place) ? httpFetcher(place, token === undefined ? {} : { token }) : folderFetcher(place);
}

function readable<Value>(use: () => Value): Value {
  try {
    return use();
  } catch (fault) {
    throw new FetchError(`the head kept outside: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
}

export function namedKey(named: string): Result<NoteVerifier, string> {
  const key = parseVerifierKey(named);
  if (key.ok) return key;
  try {
    const inFile = parseVerifierKey(readFileSync(named, "utf8").trimEnd());
    return inFile.ok ? inFile : fail(`the key in \`${named}\` cannot be used: ${inFile.failure}`);
  } catch {
    return fail(`the verifier key cannot be used: ${key.failure}; there is no file of that name either`);
  }
}

/** What the log says of itself, which proves nothing against whoever wrote it. */
async function keyOfLog(source: EntrySource): Promise<Result<NoteVerifier, string>> {
  const [first] = await source.read(0, 1);
  const leaf = first === undefined ? null : parseLeaf(first.leaf);
  const created = leaf?.ok === true && leaf.value.type === "log.created" ? leaf.value.vkey : undefined;
  for (const vkey of [(await source.identity())?.vkey, created]) {
    const key = vkey === undefined ? null : parseVerifierKey(vkey);
    if (key?.ok === true) return key;
  }
  return fail("the log names no key that it could be checked with; name it with --vkey");
}
