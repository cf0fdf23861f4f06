// Checkpoints: the signed head of the log (c2sp.org/tlog-checkpoint).

import { fail, ok, type Result } from "../result.ts";
import { hashBytes } from "./merkle-tree.ts";
import { type NoteFailure, type NoteSigner, type NoteVerifier, openNote, signNote } from "./signed-note.ts";

export interface Checkpoint {
  /** Name of the log; equal to the name of its key. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export type CheckpointFailure =
  | NoteFailure
  | { readonly reason: "malformed_checkpoint"; readonly detail: string }
  | { readonly reason: "other_origin"; readonly expected: string; readonly found: string };

/** The note text: origin, size and root, each on a line. */
export function checkpointText(checkpoint: Checkpoint): string {
  const root = Buffer.from(checkpoint.root).toString("base64");
  return `${checkpoint.origin}\n${checkpoint.size}\n${root}\n`;
}

export function signCheckpoint(signer: NoteSigner, size: number, root: Uint8Array): string {
  return signNote(checkpointText({ origin: signer.name, size, root }), [signer]);
}

/** The checkpoint in a note that the log's key signed. Extension lines are allowed and ignored. */
export function openCheckpoint(note: string, verifier: NoteVerifier): Result<Checkpoint, CheckpointFailure> {
  const opened = openNote(note, [verifier]);
  if (!opened.ok) return opened;
  const checkpoint = parseCheckpoint(opened.value.text);
  if (checkpoint.ok && checkpoint.value.origin !== verifier.name) {
    return fail({ reason: "other_origin", expected: verifier.name, found: checkpoint.value.origin });
  }
  return checkpoint;
}

export function parseCheckpoint(text: string): Result<Checkpoint, CheckpointFailure> {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.includes("")) return malformed("an empty line or no newline at the end");
  const [origin, sizeLine, rootLine] = lines;
  if (origin === undefined || sizeLine === undefined || rootLine === undefined) {
    return malformed("fewer than three lines");
  }
  const size = Number(sizeLine);
  if (!/^(?:0|[1-9][0-9]*)$/.test(sizeLine) || !Number.isSafeInteger(size)) {
    return malformed("the second line is no tree size");
  }
  const root = Buffer.from(rootLine, "base64");
  if (root.length !== hashBytes || root.toString("base64") !== rootLine) {
    return malformed("the third line is no root hash");
  }
  return ok({ origin, size, root });
}

/** In words, for a message. */
export function checkpointFailureText(failure: CheckpointFailure): string {
  switch (failure.reason) {
    case "malformed_note":
      return `it is not a signed note: ${failure.detail}`;
    case "invalid_signature":
      return `the signature of \`${failure.name}\` is wrong`;
    case "not_signed":
      return `it is not signed by \`${failure.by.join("`, `")}\``;
    case "malformed_checkpoint":
      return `it is not a checkpoint: ${failure.detail}`;
    case "other_origin":
      return `it is of the log \`${failure.found}\`, not \`${failure.expected}\``;
  }
}

function malformed(detail: string): { readonly ok: false; readonly failure: CheckpointFailure } {
  return fail({ reason: "malformed_checkpoint", detail });
}
