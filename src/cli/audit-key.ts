// By which key a log is verified, and whether there is a log at all: a store that has lost its name or all it had is not
// one that was never begun.

import { namedKey } from "portcullis-verify/cli/verify-copy.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { type NoteVerifier, parseVerifierKey } from "portcullis-verify/log/signed-note.ts";
import type { LogStore } from "../audit/log-store.ts";
import { OperatorError } from "../core/operator-error.ts";
import { Finding } from "./finding.ts";

/** A checkpoint kept outside of the data folder. */
export interface Pin {
  readonly path: string;
  /** Null when none was kept there yet. */
  readonly note: string | null;
  /** It was not named, and is the one that the gateway keeps beside the folder. */
  readonly beside: boolean;
}

export interface LogKey {
  readonly verifier: NoteVerifier;
  /** It was not named, and is the one that the log itself names. */
  readonly fromLog: boolean;
}

/** Throws `OperatorError` when there is nothing to verify, `Finding` when something is gone that must have been there. */
export async function verifierFor(
  log: LogStore,
  /** Where it is, in words. */
  place: string,
  asked: string | undefined,
  pin: Pin | null,
): Promise<LogKey> {
  const isKept = pin !== null && pin.note !== null;
  const identity = await log.identity();
  const entries = await entriesFound(log);
  if (identity === null && entries === 0 && !isKept) {
    throw new OperatorError(`the log in ${place} has not been begun`);
  }
  if (asked !== undefined) {
    const verifier = namedKey(asked);
    if (!verifier.ok) throw new OperatorError(verifier.failure);
    return { verifier: verifier.value, fromLog: false };
  }
  for (const vkey of [identity?.vkey, await keyInFirstEntry(log)]) {
    const verifier = vkey === undefined ? null : parseVerifierKey(vkey);
    if (verifier?.ok === true) return { verifier: verifier.value, fromLog: true };
  }
  throw new Finding(
    entries === 0 && pin !== null && isKept
      ? `the log in ${place} is empty, and \`${pin.path}\` is the head of one: what it had is gone`
      : `the log in ${place} has ${entries} entries, and names no key that they could be checked with; name it with --vkey`,
  );
}

/** As many as anything in the store speaks of. */
async function entriesFound(log: LogStore): Promise<number> {
  const { head, end, strayEntries } = await log.contents();
  const signed = await log.keptCheckpoints(0);
  return Math.max(head?.size ?? 0, end, strayEntries, signed.at(-1)?.size ?? 0);
}

async function keyInFirstEntry(log: LogStore): Promise<string | undefined> {
  const [first] = await log.read(0, 1);
  const leaf = first === undefined ? null : parseLeaf(first.leaf);
  return leaf?.ok === true && leaf.value.type === "log.created" ? leaf.value.vkey : undefined;
}
