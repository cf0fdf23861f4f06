// Reads every entry once, in order, and gives it to all the rules.

import type { Leaf } from "../leaves/leaf-schema.ts";
import { parseLeaf } from "../leaves/parse-leaf.ts";
import { leafHash } from "../log/merkle-tree.ts";
import type { EntrySource } from "../source/entry-source.ts";
import type { StoredEntry } from "../source/log-contents.ts";
import type { ApprovalRules } from "./approval-rules.ts";
import type { CallRules } from "./call-rules.ts";
import type { LogFinding } from "./log-finding.ts";
import type { LogRules } from "./log-rules.ts";
import type { PayloadRules } from "./payload-rules.ts";
import type { ReplayRules } from "./replay-rules.ts";
import type { RevisionRules } from "./revision-rules.ts";
import type { StoreCheck } from "./store-check.ts";
import type { TileCheck } from "./tile-check.ts";
import type { TreeCheck } from "./tree-check.ts";

export interface Rules {
  readonly tree: TreeCheck;
  /** Null where there are no tiles. */
  readonly tiles: TileCheck | null;
  /** Null where nothing is kept beside the entries. */
  readonly store: StoreCheck | null;
  readonly order: LogRules;
  readonly approvals: ApprovalRules;
  readonly calls: CallRules;
  readonly revisions: RevisionRules;
  readonly payloads: PayloadRules;
  /** Null where decisions are not evaluated again. */
  readonly replay: ReplayRules | null;
  readonly onEntry: OnEntry;
  readonly report: (finding: LogFinding) => void;
}

export type OnEntry = (index: number, leaf: Leaf) => void;

export type Progress = (progress: { readonly checked: number; readonly size: number }) => void;

/** What is in memory at a time: at most so many entries, of at most 64 KiB each. */
const readBatch = 1_000;

/** How many entries there are said to be, and one more than the largest index of one. */
export interface Extent {
  readonly size: number;
  readonly end: number;
}

export async function walkEntries(
  source: EntrySource,
  { size, end }: Extent,
  rules: Rules,
  onProgress: Progress = () => {},
): Promise<void> {
  const { tree } = rules;
  // Any number of entries may be claimed; beyond the last there is nothing to look for.
  const last = Math.min(size, end);
  while (tree.next < last) {
    const from = tree.next;
    const entries = await source.read(from, tree.nextStop(Math.min(last, from + readBatch)));
    const read = observe(entries, rules);
    if (rules.store !== null) await observeRecords(source, read, rules);
    if (rules.replay !== null) for (const { index, leaf } of read) await rules.replay.observe(index, leaf);
    if (tree.next === from) tree.missing(await nextPresent(source, from, last));
    await rules.tiles?.compare();
    onProgress({ checked: tree.next, size });
  }
  if (tree.next < size) tree.missing(size);
  tree.finish();
  await rules.tiles?.finish(size);
}

interface ReadEntry {
  readonly index: number;
  readonly leaf: Leaf;
}

function observe(entries: readonly StoredEntry[], rules: Rules): readonly ReadEntry[] {
  const { tree, tiles, order, revisions, approvals, calls, payloads } = rules;
  const read: ReadEntry[] = [];
  for (const { index, leaf: bytes } of entries) {
    const hash = leafHash(bytes);
    tree.add(index, hash);
    tiles?.add(0, index, hash);
    const parsed = parseLeaf(bytes);
    if (!parsed.ok) {
      rules.report({ reason: "unreadable_entry", entry: index, detail: parsed.failure });
      continue;
    }
    const leaf = parsed.value;
    order.observe(index, leaf);
    revisions.observe(index, leaf);
    approvals.observe(index, leaf);
    calls.observe(index, leaf);
    payloads.observe(leaf);
    rules.onEntry(index, leaf);
    read.push({ index, leaf });
  }
  return read;
}

async function observeRecords(
  { records }: EntrySource,
  read: readonly ReadEntry[],
  { store, payloads }: Rules,
): Promise<void> {
  const found = (await records?.recordsOf(read.map(({ leaf }) => leaf.id))) ?? [];
  for (const [at, { index, leaf }] of read.entries()) {
    const record = found[at] ?? { index: null, salt: null };
    store?.observeId(index, record.index);
    await payloads.observeSalt(index, leaf, record.salt);
  }
}

/** Where entries go on behind a hole that swallows a whole batch; it may be of any size. */
async function nextPresent(source: EntrySource, from: number, to: number): Promise<number> {
  for (let width = readBatch; ; width *= 2) {
    const end = Math.min(to, from + width);
    const [first] = await source.read(from, end);
    if (first !== undefined) return Math.max(first.index, from + 1);
    if (end === to) return to;
  }
}
