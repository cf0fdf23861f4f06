// Entries of a call, and one entry with those of its call, read from a log that no gateway serves.

import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";
import type { LogStore } from "../audit/log-store.ts";
import { entryNamed } from "../http/admin/entries.ts";
import { type ReadEntry, readEntry, searchEntries } from "../http/admin/entry-search.ts";

/** Most that is read of one call; more than any has. */
const limit = 10_000;

/** The entry of this index or id; null when there is none. */
export async function entryOf(log: LogStore, name: string): Promise<ReadEntry | null> {
  const found = await entryNamed(log, name);
  return found.ok ? readEntry(found.value) : null;
}

/** Oldest first. */
export async function entriesOfCall(log: LogStore, call: string): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = [];
  const query = {
    type: null,
    approval: null,
    call,
    order: "oldest",
    to: Number.MAX_SAFE_INTEGER,
    limit,
  } as const;
  for (let from: number | null = 0; from !== null; ) {
    const page = await searchEntries(log, { ...query, from });
    entries.push(...page.entries);
    from = isEnded(page.entries.at(-1)?.leaf ?? null) ? null : page.next;
  }
  return entries;
}

/** Nothing that a call got comes after its completion. */
function isEnded(leaf: Leaf | null): boolean {
  return leaf?.type === "call.completed";
}
