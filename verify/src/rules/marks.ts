// The checkpoints that a log is held against, and whether what is kept beside their signed notes is what these say.

import { type Checkpoint, checkpointFailureText, openCheckpoint } from "../log/checkpoint.ts";
import { equalHashes, isWellFormedHead, rootOf } from "../log/merkle-tree.ts";
import type { NoteVerifier } from "../log/signed-note.ts";
import type { EntrySource } from "../source/entry-source.ts";
import type { KeptCheckpoint, StoredCheckpoint } from "../source/log-contents.ts";
import type { CheckpointOrigin, LogFinding } from "./log-finding.ts";

/** A checkpoint with a good signature. */
export interface Mark {
  readonly checkpoint: CheckpointOrigin;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
}

/** Those that can be believed, smallest first; faults are reported, each once with the number of those that have it. */
export async function readMarks(
  source: Pick<EntrySource, "checkpoints">,
  pinned: string | null,
  verifier: NoteVerifier,
  report: (finding: LogFinding) => void,
): Promise<readonly Mark[]> {
  const marks: Mark[] = [];
  const faults = new Faults();
  const open = (checkpoint: CheckpointOrigin, note: string): Checkpoint | null => {
    const opened = openCheckpoint(note, verifier);
    if (!opened.ok) {
      const detail = checkpointFailureText(opened.failure);
      faults.add({ reason: "invalid_checkpoint", checkpoint, detail, count: 0 }, `${checkpoint} ${detail}`);
      return null;
    }
    marks.push({ checkpoint, size: opened.value.size, root: opened.value.root, note });
    return opened.value;
  };
  for (let after = -1; ; ) {
    const kept = await source.checkpoints(after);
    const last = kept.at(-1);
    if (last === undefined) break;
    for (const stored of kept) {
      const signed = open("stored", stored.note);
      const column = signed === null ? null : alteredColumn(stored, signed);
      if (signed === null || column === null) continue;
      faults.add({ reason: "altered_checkpoint", column, size: signed.size, count: 0 }, column);
    }
    after = last.size;
  }
  if (pinned !== null) open("pinned", pinned);
  faults.tell(report);
  return marks.sort((one, other) => one.size - other.size);
}

/** A frontier that is not right would spare hashing at the wrong place, so it is held against the signed root too. */
function alteredColumn(
  stored: KeptCheckpoint | StoredCheckpoint,
  signed: Checkpoint,
): "size" | "root" | "frontier" | null {
  if (stored.size !== signed.size) return "size";
  if (!("root" in stored)) return null;
  if (!equalHashes(stored.root, signed.root)) return "root";
  return isWellFormedHead(stored) && equalHashes(rootOf(stored), signed.root) ? null : "frontier";
}

type Fault = Extract<LogFinding, { readonly reason: "invalid_checkpoint" | "altered_checkpoint" }>;

class Faults {
  readonly #first = new Map<string, Fault>();

  add(fault: Fault, kind: string): void {
    const first = this.#first.get(kind) ?? fault;
    this.#first.set(kind, { ...first, count: first.count + 1 });
  }

  tell(report: (finding: LogFinding) => void): void {
    for (const fault of this.#first.values()) report(fault);
  }
}
