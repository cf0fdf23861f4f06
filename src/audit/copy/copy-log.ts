// Copies a log to a folder, or brings such a copy up to date. What was copied before is gone on from, so both have to be of
// one log; the new checkpoint comes last, so a copy that was killed is of the tree before, with some more lying there that
// the next run need not read again.

import { hash } from "node:crypto";
import { type Checkpoint, openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { equalHashes, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { type NoteVerifier, parseVerifierKey } from "portcullis-verify/log/signed-note.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { CopyFolder } from "./copy-folder.ts";
import type { CopyRefusal } from "./copy-refusal.ts";
import { GrowingTiles } from "./growing-tiles.ts";
import { TreeCopy, type TreeCopyOptions } from "./tree-copy.ts";

export interface CopyOptions extends TreeCopyOptions {
  /** The log's key from elsewhere; null to take the source's word for it, or that of the copy. */
  readonly vkey: string | null;
}

export interface CopyReport {
  readonly origin: string;
  readonly vkey: string;
  readonly entries: number;
  /** Of them, those that were not in the copy before. */
  readonly added: number;
  readonly root: string;
  readonly policies: {
    readonly copied: number;
    /** Revisions that entries name and the source does not have: their decisions cannot be evaluated again. */
    readonly missing: readonly string[];
  };
}

/** Rejects when the source cannot be read, or the folder not written. */
export async function copyLog(options: CopyOptions): Promise<Result<CopyReport, CopyRefusal>> {
  const { source, to } = options;
  const key = await keyOf(options);
  if (!key.ok) return key;
  const before = await copiedBefore(to, key.value);
  if (!before.ok) return before;
  const latest = await checkpointIn(source, key.value);
  if (!latest.ok) return latest;
  const { checkpoint, note } = latest.value;
  const copied = before.value.size;
  if (checkpoint.size < copied) return fail({ reason: "older", copied, found: checkpoint.size });
  if ((await to.vkey()) === null) await to.putVkey(key.value.vkey);
  const revisions = await copyTree(options, key.value, checkpoint);
  if (!revisions.ok) return revisions;
  const policies = await copyPolicies(options, revisions.value);
  if (!policies.ok) return policies;
  if (note !== (await to.checkpoint())) await to.putCheckpoint(note);
  return ok({
    origin: key.value.name,
    vkey: key.value.vkey,
    entries: checkpoint.size,
    added: checkpoint.size - copied,
    root: Buffer.from(checkpoint.root).toString("base64"),
    policies: policies.value,
  });
}

async function keyOf({ source, to, vkey }: CopyOptions): Promise<Result<NoteVerifier, CopyRefusal>> {
  const copied = await to.vkey();
  if (copied === null && !(await to.isEmpty())) return fail({ reason: "not_a_copy" });
  const expected = vkey ?? copied;
  const named = await source.vkey();
  const text = expected ?? named;
  if (text === null) return fail({ reason: "no_log" });
  for (const found of [copied, named])
    if (found !== null && found !== text) return fail({ reason: "other_log", expected: text, found });
  const key = parseVerifierKey(text);
  return key.ok ? key : fail({ reason: "bad_key", detail: key.failure });
}

async function copiedBefore(
  to: CopyFolder,
  verifier: NoteVerifier,
): Promise<Result<GrowingTiles, CopyRefusal>> {
  const note = await to.checkpoint();
  const opened = note === null ? null : openCheckpoint(note, verifier);
  if (opened?.ok === false) return fail({ reason: "bad_checkpoint", of: "copy", failure: opened.failure });
  const size = opened?.value.size ?? 0;
  const tiles = await GrowingTiles.from(size, (place) => to.hashes(place));
  if (tiles === null) return fail({ reason: "damaged_copy", size });
  if (opened !== null && !equalHashes(rootOf(await tiles.head()), opened.value.root))
    return fail({ reason: "damaged_copy", size });
  return ok(tiles);
}

async function checkpointIn(
  source: CopyOptions["source"],
  verifier: NoteVerifier,
): Promise<Result<{ readonly checkpoint: Checkpoint; readonly note: string }, CopyRefusal>> {
  const note = await source.checkpoint();
  if (note === null) return fail({ reason: "no_log" });
  const opened = openCheckpoint(note, verifier);
  if (!opened.ok) return fail({ reason: "bad_checkpoint", of: "source", failure: opened.failure });
  return ok({ checkpoint: opened.value, note });
}

/** The revisions of policies that entries which were not there before name. */
async function copyTree(
  options: CopyOptions,
  verifier: NoteVerifier,
  checkpoint: Checkpoint,
): Promise<Result<ReadonlySet<string>, CopyRefusal>> {
  // What a killed run left beyond the checkpoint is used, unless it turns out not to be of this tree.
  for (const reuse of [true, false]) {
    const tiles = await copiedBefore(options.to, verifier);
    if (!tiles.ok) return tiles;
    const run = new TreeCopy(options, checkpoint, tiles.value, reuse);
    const copied = await run.copy();
    if (copied.ok || !run.reused) return copied;
  }
  throw new TypeError("a copy that reuses nothing has an end");
}

async function copyPolicies(
  { source, to }: CopyOptions,
  revisions: ReadonlySet<string>,
): Promise<Result<CopyReport["policies"], CopyRefusal>> {
  const missing: string[] = [];
  let copied = 0;
  for (const revision of revisions) {
    if (await to.hasPolicies(revision)) continue;
    const content = await source.policies(revision);
    if (content === null) {
      missing.push(revision);
      continue;
    }
    if (hash("sha256", content) !== revision) return fail({ reason: "other_policies", revision });
    await to.putPolicies(revision, content);
    copied += 1;
  }
  return ok({ copied, missing });
}
