// Checks a log with nothing but its public key: that it is what was signed, and that its calls keep the rules. Streams
// in bounded memory.

import { parseLeaf } from "../parse-leaf.ts";
import type { NoteVerifier } from "../signed-note.ts";
import { type CallCounts, CallRules, type OpenCallEntry } from "./call-rules.ts";
import type { EntrySource } from "./entry-source.ts";
import type { CallFinding, CheckpointOrigin, Finding, LogFinding } from "./finding.ts";
import { LogRules } from "./log-rules.ts";
import { readMarks, TreeCheck } from "./tree-check.ts";

export interface VerifyOptions {
  readonly source: EntrySource;
  /** The log's key, from a place that whoever wrote the log does not control. */
  readonly verifier: NoteVerifier;
  /** A signed checkpoint seen earlier, or null: without one a truncated or rewritten log can pass, if the key's owner did it. */
  readonly pinned: string | null;
  readonly onProgress?: (progress: { readonly checked: number; readonly size: number }) => void;
}

export interface VerifyReport {
  /** Whether nothing was found wrong. */
  readonly ok: boolean;
  readonly origin: string;
  readonly log: {
    readonly ok: boolean;
    readonly entries: number;
    /** Checkpoints with a good signature that were compared, the pinned one included. */
    readonly checkpoints: number;
    readonly pinned: boolean;
    /** Entries below this index are under a stored checkpoint; those from here on are the unsealed tail. */
    readonly sealed: number;
    readonly unsealed: number;
  };
  readonly governance: CallCounts & {
    readonly ok: boolean;
    /** Calls that no entry completes; a running gateway has some. */
    readonly open: number;
    /** The oldest of them. */
    readonly openCalls: readonly OpenCallEntry[];
  };
  /** The first of them; `moreFindings` counts the rest. */
  readonly findings: readonly Finding[];
  readonly moreFindings: number;
}

const readBatch = 1_000;
const maxFindings = 1_000;
const maxOpenCalls = 100;

/** Rejects when the source cannot be read, which is evidence of nothing. */
export async function verifyLog(options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings();
  const { source, verifier } = options;
  await checkIdentity(source, verifier, findings);
  const stored = await source.checkpoints();
  // After the checkpoints, so that a log that grows meanwhile is not taken for a truncated one.
  const size = await source.size();
  const marks = readMarks(checkpointNotes(stored, options.pinned), verifier, findings.log);
  const tree = new TreeCheck(marks, findings.log);
  const calls = new CallRules(findings.call);
  await readAll(options, size, tree, calls, findings);
  tree.finish();
  if (size > 0 && !marks.some((mark) => mark.checkpoint === "stored"))
    findings.log({ reason: "no_checkpoint" });
  return {
    ok: findings.logCount + findings.callCount === 0,
    origin: verifier.name,
    log: {
      ok: findings.logCount === 0,
      entries: size,
      checkpoints: marks.length,
      pinned: options.pinned !== null,
      sealed: tree.sealed,
      unsealed: size - Math.min(size, tree.sealed),
    },
    governance: {
      ok: findings.callCount === 0,
      ...calls.counts,
      open: calls.openCount,
      openCalls: calls.openCalls(maxOpenCalls),
    },
    findings: findings.kept,
    moreFindings: findings.logCount + findings.callCount - findings.kept.length,
  };
}

async function checkIdentity(source: EntrySource, verifier: NoteVerifier, findings: Findings): Promise<void> {
  const identity = await source.identity();
  if (identity?.vkey === verifier.vkey && identity.origin === verifier.name) return;
  findings.log({ reason: "other_log", expected: verifier.vkey, found: identity?.vkey ?? null });
}

function checkpointNotes(
  stored: readonly string[],
  pinned: string | null,
): readonly { readonly checkpoint: CheckpointOrigin; readonly note: string }[] {
  const notes = stored.map((note) => ({ checkpoint: "stored" as const, note }));
  return pinned === null ? notes : [...notes, { checkpoint: "pinned" as const, note: pinned }];
}

async function readAll(
  { source, verifier, onProgress }: VerifyOptions,
  size: number,
  tree: TreeCheck,
  calls: CallRules,
  findings: Findings,
): Promise<void> {
  const rules = new LogRules({ origin: verifier.name, vkey: verifier.vkey }, findings.log);
  while (tree.next < size) {
    const from = tree.next;
    const entries = await source.read(from, tree.nextStop(Math.min(size, from + readBatch)));
    for (const entry of entries) {
      tree.add(entry);
      const leaf = parseLeaf(entry.leaf);
      if (!leaf.ok) {
        findings.log({ reason: "unreadable_entry", entry: entry.index, detail: leaf.failure });
        continue;
      }
      rules.observe(entry.index, leaf.value);
      calls.observe(entry.index, leaf.value);
    }
    if (tree.next === from) tree.missing(await nextPresent(source, from, size));
    onProgress?.({ checked: tree.next, size });
  }
}

/** Where entries go on after a hole that swallows a whole batch. */
async function nextPresent(source: EntrySource, from: number, size: number): Promise<number> {
  for (let start = from; start < size; start += readBatch) {
    const [first] = await source.read(start, Math.min(size, start + readBatch));
    if (first !== undefined) return Math.max(first.index, from + 1);
  }
  return size;
}

class Findings {
  readonly kept: Finding[] = [];
  logCount = 0;
  callCount = 0;

  readonly log = (finding: LogFinding): void => {
    this.logCount += 1;
    this.#keep(finding);
  };

  readonly call = (finding: CallFinding): void => {
    this.callCount += 1;
    this.#keep(finding);
  };

  #keep(finding: Finding): void {
    if (this.kept.length < maxFindings) this.kept.push(finding);
  }
}
