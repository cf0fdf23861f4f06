// Cosigns checkpoints of the logs that it knows, each only when it goes on from the one before (c2sp.org/tlog-witness). What
// was cosigned is durable before anybody gets to see it.

import { hash } from "node:crypto";
import { type Checkpoint, checkpointFailureText, parseCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { cosign, type WitnessSigner } from "portcullis-verify/log/cosignature.ts";
import { verifyConsistency } from "portcullis-verify/log/merkle-proofs.ts";
import { emptyHead, equalHashes, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import {
  type NoteVerifier,
  type ParsedNote,
  parseNote,
  verifiedSignatures,
} from "portcullis-verify/log/signed-note.ts";
import { parseWitnessRequest, type WitnessRequest } from "portcullis-verify/log/witness-request.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import type { WitnessedHead, WitnessStore } from "./witness-store.ts";

/** A log whose checkpoints are cosigned. */
export interface WitnessedLog {
  readonly origin: string;
  /** Any of them may sign. */
  readonly keys: readonly NoteVerifier[];
}

export type WitnessAnswer =
  /** Signature lines, each with its newline. */
  | { readonly status: 200; readonly lines: string }
  /** The size of the latest checkpoint that was cosigned. */
  | { readonly status: 409; readonly size: number }
  /** In words. */
  | { readonly status: 400 | 403 | 404 | 422 | 503; readonly why: string };

export interface WitnessOptions {
  readonly signer: WitnessSigner;
  readonly store: WitnessStore;
  readonly logs: readonly WitnessedLog[];
  readonly clock: Clock;
  /** Told of what is no fault of whoever asked. */
  readonly onFault: (fault: Error) => void;
}

/** As far behind its latest cosignature a clock may be set back by whoever keeps it right. */
export const maxClockBehindSeconds = 60;

export class Witness {
  readonly #options: WitnessOptions;
  #logs: readonly WitnessedLog[];

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#logs = options.logs;
  }

  get vkey(): string {
    return this.#options.signer.vkey;
  }

  /** Cosigns for these from now on. What is known of others is kept. */
  replaceLogs(logs: readonly WitnessedLog[]): void {
    this.#logs = logs;
  }

  /** Never rejects. `body` is what was sent to `add-checkpoint`. */
  async addCheckpoint(body: string): Promise<WitnessAnswer> {
    const request = parseWitnessRequest(body);
    if (!request.ok) return { status: 400, why: request.failure };
    const note = parseNote(request.value.note);
    if (!note.ok) return { status: 400, why: checkpointFailureText(note.failure) };
    const checkpoint = parseCheckpoint(note.value.text);
    if (!checkpoint.ok) return { status: 400, why: checkpointFailureText(checkpoint.failure) };
    const log = this.#logs.find(({ origin }) => origin === checkpoint.value.origin);
    if (log === undefined) return { status: 404, why: "this witness does not know the log" };
    const signed = verifiedSignatures(note.value, log.keys);
    if (!signed.ok) return { status: 403, why: checkpointFailureText(signed.failure) };
    if (request.value.oldSize > checkpoint.value.size)
      return { status: 400, why: "the old size is larger than that of the checkpoint" };
    try {
      const logLines = signed.value.map(({ line }) => `${line}\n`).join("");
      return await this.#cosign(request.value, note.value, checkpoint.value, logLines);
    } catch (fault) {
      this.#options.onFault(fault instanceof Error ? fault : new Error(String(fault)));
      return { status: 503, why: "the witness cannot keep what it would cosign; try again later" };
    }
  }

  /** The latest checkpoint that was cosigned of the log with this SHA-256 of its origin (hex), or null. */
  async checkpoint(originHash: string): Promise<string | null> {
    const log = this.#logs.find(({ origin }) => hash("sha256", origin, "hex") === originHash);
    return log === undefined ? null : ((await this.#options.store.head(log.origin))?.note ?? null);
  }

  async #cosign(
    request: WitnessRequest,
    { text }: ParsedNote,
    checkpoint: Checkpoint,
    logLines: string,
  ): Promise<WitnessAnswer> {
    const { signer, store } = this.#options;
    const last = await store.head(checkpoint.origin);
    if (request.oldSize !== (last?.size ?? 0)) return { status: 409, size: last?.size ?? 0 };
    const why = inconsistency(request, checkpoint, last);
    if (why !== null) return { status: 422, why };
    const time = this.#time(last);
    if (time === null) return { status: 503, why: "the clock of this witness is wrong; try again later" };
    const line = cosign(signer, text, time);
    const { size, root } = checkpoint;
    const next = { size, root, time, note: `${text}\n${logLines}${line}` };
    // INVARIANT: durable before the line leaves, and only if nobody has put another head there since it was read.
    if (await store.advance(checkpoint.origin, last, next)) return { status: 200, lines: line };
    return { status: 409, size: (await store.head(checkpoint.origin))?.size ?? 0 };
  }

  /**
   * The time never goes back: a larger tree with an earlier time would contradict what was cosigned before. Null when the
   * clock is too far behind.
   */
  #time(last: WitnessedHead | null): number | null {
    const now = Math.floor(this.#options.clock.now() / 1000);
    const latest = last?.time ?? 0;
    if (latest - now <= maxClockBehindSeconds && Math.max(now, latest) > 0) return Math.max(now, latest);
    this.#options.onFault(
      new Error(
        `the clock is more than ${maxClockBehindSeconds} s behind the latest cosignature, of ${rfc3339(latest * 1000)}; set it right, or see at the next start how to go on`,
      ),
    );
    return null;
  }
}

/** Why the checkpoint does not go on from the last one, or null. */
function inconsistency(
  { oldSize, proof }: WitnessRequest,
  { size, root }: Checkpoint,
  last: WitnessedHead | null,
): string | null {
  if (size === 0 && !equalHashes(root, rootOf(emptyHead))) return "this is not the root of the empty tree";
  if (last === null || oldSize === 0) {
    return proof.length === 0 ? null : "from the size 0 there is nothing to prove";
  }
  return verifyConsistency(oldSize, size, proof, last.root, root)
    ? null
    : "the proof does not lead from what was cosigned before to this checkpoint";
}
