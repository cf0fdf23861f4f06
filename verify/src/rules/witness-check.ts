// What witnesses vouch for: which of the checkpoints enough of them have cosigned, and whether any of their lines is wrong.

import { type Cosignature, cosignaturesOn } from "../log/cosignature.ts";
import type { NoteVerifier } from "../log/signed-note.ts";
import { meetsQuorum, type TlogPolicy } from "../log/tlog-policy.ts";
import type { CheckpointOrigin, LogFinding } from "./log-finding.ts";
import type { Mark } from "./marks.ts";

/** Entries that enough witnesses have seen. */
export interface WitnessedPart {
  /** Entries below this index; 0 when nothing is. */
  readonly size: number;
  /** Of those who cosigned the checkpoint of that size. */
  readonly witnesses: readonly string[];
  /** The latest of their times, RFC 3339; null when nothing is witnessed. */
  readonly time: string | null;
}

/** Of checkpoints whose signature by the log is good, smallest first. That they are of this tree is for the tree to say. */
export function witnessedPart(
  marks: readonly Mark[],
  policy: TlogPolicy,
  { vkey }: NoteVerifier,
  report: (finding: LogFinding) => void,
): WitnessedPart {
  const verifiers = policy.witnesses.map(({ verifier }) => verifier);
  const wrong = new Map<string, Extract<LogFinding, { readonly reason: "wrong_cosignature" }>>();
  let part: WitnessedPart = { size: 0, witnesses: [], time: null };
  for (const { checkpoint, size, note } of marks) {
    const found = cosignaturesOn(note, verifiers);
    if (!found.ok) count(wrong, checkpoint, size, found.failure);
    else if (meetsQuorum(policy, new Set(found.value.map(({ witness }) => witness.vkey))))
      part = partOf(size, found.value);
  }
  for (const finding of wrong.values()) report(finding);
  const { logs } = policy;
  if (logs.length > 0 && !logs.some(({ verifier }) => verifier.vkey === vkey))
    report({ reason: "log_not_in_policy", expected: vkey });
  const newest = marks.at(-1)?.size ?? 0;
  if (newest > 0 && part.size === 0 && policy.quorum !== null) report({ reason: "no_quorum", size: newest });
  return part;
}

function count(
  wrong: Map<string, Extract<LogFinding, { readonly reason: "wrong_cosignature" }>>,
  checkpoint: CheckpointOrigin,
  size: number,
  failure: { readonly reason: string; readonly witness?: string },
): void {
  const { witness } = failure;
  // That it is a note is known: the log's own signature on it holds.
  if (witness === undefined) return;
  const first = wrong.get(`${checkpoint} ${witness}`);
  wrong.set(`${checkpoint} ${witness}`, {
    reason: "wrong_cosignature",
    checkpoint,
    witness,
    size: first?.size ?? size,
    count: (first?.count ?? 0) + 1,
  });
}

function partOf(size: number, cosignatures: readonly Cosignature[]): WitnessedPart {
  const times = cosignatures.map(({ time }) => time);
  const latest = Math.min(Math.max(0, ...times), 8_640_000_000_000);
  return {
    size,
    witnesses: cosignatures.map(({ witness }) => witness.name),
    time: times.length === 0 ? null : new Date(latest * 1000).toISOString(),
  };
}
