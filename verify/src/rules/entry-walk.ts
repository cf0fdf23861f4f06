// Reads every entry once, in order, and gives it to all the rules.

import type { Leaf } from "../leaves/leaf-schema.ts";
import { parseLeaf } from "../leaves/parse-leaf.ts";
import type { EntrySource } from "../source/entry-source.ts";
import type { LogContents, StoredEntry } from "../source/log-contents.ts";
import type { ApprovalRules } from "./approval-rules.ts";
import type { CallRules } from "./call-rules.ts";
import type { LogFinding } from "./log-finding.ts";
import type { LogRules } from "./log-rules.ts";
import type { PayloadRules } from "./payload-rules.ts";
import type { ReplayRules } from "./replay-rules.ts";
import type { RevisionRules } from "./revision-rules.ts";
import { logSize, type StoreCheck } from "./store-check.ts";
import type { TreeCheck } from "./tree-check.ts";

export interface Rules {
  readonly tree: TreeCheck;
  readonly store: StoreCheck;
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

export async function walkEntries(
  source: EntrySource,
  contents: LogContents,
  rules: Rules,
  onProgress: Progress = () => {},
): Promise<void> {
  const { tree } = rules;
  const size = logSize(contents);
  // The head may claim any number of entries; beyond the last there is nothing to look for.
  const last = Math.min(size, contents.end);
  while (tree.next < last) {
    const from = tree.next;
    await observe(source, await source.read(from, tree.nextStop(Math.min(last, from + readBatch))), rules);
    if (tree.next === from) tree.missing(await nextPresent(source, from, last));
    onProgress({ checked: tree.next, size });
  }
  if (tree.next < size) tree.missing(size);
  tree.finish();
}

async function observe(source: EntrySource, entries: readonly StoredEntry[], rules: Rules): Promise<void> {
  const read: { readonly index: number; readonly leaf: Leaf }[] = [];
  for (const entry of entries) {
    rules.tree.add(entry);
    const { index } = entry;
    const parsed = parseLeaf(entry.leaf);
    if (!parsed.ok) {
      rules.report({ reason: "unreadable_entry", entry: index, detail: parsed.failure });
      continue;
    }
    const leaf = parsed.value;
    rules.order.observe(index, leaf);
    rules.revisions.observe(index, leaf);
    rules.approvals.observe(index, leaf);
    rules.calls.observe(index, leaf);
    rules.onEntry(index, leaf);
    read.push({ index, leaf });
  }
  const records = await source.recordsOf(read.map(({ leaf }) => leaf.id));
  for (const [at, { index, leaf }] of read.entries()) {
    const record = records[at] ?? { index: null, salt: null };
    rules.store.observeId(index, record.index);
    await rules.payloads.observe(index, leaf, record.salt);
    if (rules.replay !== null) await rules.replay.observe(index, leaf);
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
