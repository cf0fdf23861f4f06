// Finding entries of the trail by type, by call (that to which something was handed on included) and by approval. The log has
// no index for any, so it is read in bounded steps between which calls get their turn; a search that is not through says where to go on.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Leaf, LeafType } from "portcullis-verify/leaves/leaf-schema.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import type { LogStore, StoredEntry } from "../../audit/log-store.ts";

export type EntryLog = Pick<LogStore, "head" | "read" | "byId">;

/** An entry as far as it can be read. */
export interface ReadEntry {
  readonly index: number;
  /** Null when the stored bytes are no leaf: then `problem` says why. */
  readonly leaf: Leaf | null;
  readonly problem: string | null;
}

export interface EntryQuery {
  readonly type: LeafType | null;
  readonly call: string | null;
  readonly approval: string | null;
  readonly order: "newest" | "oldest";
  /** Only entries `from` ≤ index < `to`. */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

export interface EntrySearch {
  readonly entries: readonly ReadEntry[];
  /** The bound (`to` when newest first, else `from`) with which to go on; null when nothing is left. */
  readonly next: number | null;
}

const step = 1_000;
/** Entries read in one search: tens of milliseconds. */
const maxRead = 20_000;

export async function searchEntries(log: EntryLog, query: EntryQuery): Promise<EntrySearch> {
  const { size } = await log.head();
  const named = query.call ?? query.approval;
  const since = named === null ? 0 : await indexBefore(log, size, timeOf(named) - skewMs);
  const range = { from: Math.max(query.from, since), to: Math.min(query.to, size) };
  const wanted = filter(query);
  const found: ReadEntry[] = [];
  for (let read = 0; range.from < range.to; ) {
    const part = nextPart(range, query, found.length);
    const entries = await log.read(part.from, part.to);
    for (const entry of query.order === "newest" ? entries.toReversed() : entries) {
      const one = wanted(entry);
      if (one === null) continue;
      found.push(one);
      if (found.length === query.limit) return { entries: found, next: after(entry.index, query, range) };
    }
    if (query.order === "newest") range.to = part.from;
    else range.from = part.to;
    read += part.to - part.from;
    if (read >= maxRead) break;
    await nextTurn();
  }
  const left = range.from < range.to;
  return { entries: found, next: left ? (query.order === "newest" ? range.to : range.from) : null };
}

export function readEntry(entry: StoredEntry): ReadEntry {
  const leaf = parseLeaf(entry.leaf);
  return leaf.ok
    ? { index: entry.index, leaf: leaf.value, problem: null }
    : { index: entry.index, leaf: null, problem: leaf.failure };
}

interface Range {
  from: number;
  to: number;
}

function nextPart(range: Range, query: EntryQuery, found: number): Readonly<Range> {
  const filtered = query.type !== null || query.call !== null || query.approval !== null;
  const count = filtered ? step : Math.min(step, query.limit - found);
  return query.order === "newest"
    ? { from: Math.max(range.from, range.to - count), to: range.to }
    : { from: range.from, to: Math.min(range.to, range.from + count) };
}

function after(index: number, query: EntryQuery, range: Range): number | null {
  if (query.order === "newest") return index > range.from ? index : null;
  return index + 1 < range.to ? index + 1 : null;
}

/** What is looked for stands in the bytes of a leaf as it is, because leaves are canonical JSON; only those that have it are parsed. */
function filter({ type, call, approval }: EntryQuery): (entry: StoredEntry) => ReadEntry | null {
  const marks = [
    ...(type === null ? [] : [`"type":${JSON.stringify(type)}`]),
    ...(call === null ? [] : [JSON.stringify(call)]),
    ...(approval === null ? [] : [JSON.stringify(approval)]),
  ];
  return (entry) => {
    const bytes = Buffer.from(entry.leaf.buffer, entry.leaf.byteOffset, entry.leaf.byteLength);
    if (!marks.every((mark) => bytes.includes(mark))) return null;
    const read = readEntry(entry);
    if (read.leaf === null) return read;
    const matches =
      (type === null || read.leaf.type === type) &&
      (call === null || isOfCall(read.leaf, call)) &&
      (approval === null || isOfApproval(read.leaf, approval));
    return matches ? read : null;
  };
}

function isOfCall(leaf: Leaf, call: string): boolean {
  return ("call" in leaf && leaf.call === call) || ("released_to" in leaf && leaf.released_to === call);
}

function isOfApproval(leaf: Leaf, approval: string): boolean {
  return "approval" in leaf && leaf.approval === approval;
}

/** How far stamps and the order of entries may be apart. */
const skewMs = 60_000;
/** Entries by whose middle stamp a place is judged: a few among them may have been recorded late. */
const sample = 31;

/** Ids are UUIDv7: the first 48 bits are the time at which the call arrived, or the approval was asked for. */
function timeOf(id: string): number {
  return Number.parseInt(
    id
      .slice(id.indexOf("_") + 1)
      .replace("-", "")
      .slice(0, 12),
    16,
  );
}

/** An index before which no entry was stamped at `time` or later, found by halving. */
async function indexBefore(log: EntryLog, size: number, time: number): Promise<number> {
  let low = 0;
  let high = size;
  while (high - low > step) {
    const middle = Math.floor((low + high) / 2);
    const stamps = (await log.read(middle, middle + sample)).map(({ leaf }) => stampOf(leaf)).sort();
    const stamp = stamps[Math.floor(stamps.length / 2)] ?? "";
    if (stamp !== "" && Date.parse(stamp) < time) low = middle;
    else high = middle;
  }
  return low;
}

/** RFC 3339 in UTC with milliseconds sorts as text. */
function stampOf(leaf: Uint8Array): string {
  return /"time":"([^"]+Z)","type"/.exec(Buffer.from(leaf).toString("latin1"))?.[1] ?? "";
}
