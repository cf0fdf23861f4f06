// Repairs what a crash left behind: calls on record as decided and never as completed end with outcome `unknown`.
// Safe at any time and any number of times: what an interrupted run completed is found completed by the next.

import type { EncodedEntry } from "../core/entry.ts";
import type { LeafBody, LeafOf } from "./leaf-schema.ts";
import type { LogStore } from "./log-store.ts";
import { parseLeaf } from "./parse-leaf.ts";

export interface OpenCall {
  readonly call: string;
  /** Index of its first entry. */
  readonly firstIndex: number;
  readonly endpoint: LeafBody<"call.decided">["endpoint"];
  readonly application: string;
  readonly user: string | null;
  readonly stream: boolean;
  /** Dispatches that were permitted: as many may have left. */
  readonly permits: number;
  /** Target of the last permit, or null. */
  readonly target: string | null;
}

export interface RecoveryReport {
  /** Entries read. */
  readonly scanned: number;
  /** Calls that were completed with outcome `unknown`. */
  readonly completed: readonly string[];
}

const readBatch = 10_000;
const appendBatch = 100;

/** Calls open at `size`, by id. Memory is bounded by the number of open calls. Throws on an entry that is no leaf. */
export async function findOpenCalls(
  store: Pick<LogStore, "read">,
  from: number,
  size: number,
): Promise<Map<string, OpenCall>> {
  const open = new Map<string, OpenCall>();
  for (let next = from; next < size; ) {
    const entries = await store.read(next, Math.min(size, next + readBatch));
    if (entries.length === 0) throw new Error(`the log has no entry ${next}`);
    for (const { index, leaf } of entries) {
      const parsed = parseLeaf(leaf);
      if (!parsed.ok) throw new Error(`entry ${index} of the log is no leaf: ${parsed.failure}`);
      if (parsed.value.type === "call.decided") {
        open.set(parsed.value.call, decided(open.get(parsed.value.call), index, parsed.value));
      }
      if (parsed.value.type === "call.completed") open.delete(parsed.value.call);
      next = index + 1;
    }
  }
  return open;
}

/** Completes them through the trail, so that they are tracked and fenced as any other entry. */
export async function completeOpenCalls(
  trail: {
    encode(body: LeafBody, salt: null): EncodedEntry;
    append(entries: readonly EncodedEntry[]): Promise<unknown>;
  },
  instance: string,
  calls: Iterable<OpenCall>,
): Promise<readonly string[]> {
  const completed: string[] = [];
  const all = [...calls];
  for (let start = 0; start < all.length; start += appendBatch) {
    const batch = all.slice(start, start + appendBatch);
    await trail.append(batch.map((call) => trail.encode(unknownCompletion(call, instance), null)));
    completed.push(...batch.map((call) => call.call));
  }
  return completed;
}

function decided(known: OpenCall | undefined, index: number, leaf: LeafOf<"call.decided">): OpenCall {
  const permitted = leaf.decision === "permit";
  return {
    call: leaf.call,
    firstIndex: known?.firstIndex ?? index,
    endpoint: leaf.endpoint,
    application: leaf.application,
    user: leaf.user,
    stream: leaf.facts?.["stream"] === true,
    permits: (known?.permits ?? 0) + (permitted ? 1 : 0),
    target: permitted ? leaf.target : (known?.target ?? null),
  };
}

/** Dispatches and target say the most that may have happened: a permitted request may or may not have left. */
function unknownCompletion(call: OpenCall, instance: string): LeafBody<"call.completed"> {
  return {
    type: "call.completed",
    actor: { kind: "gateway", id: instance },
    call: call.call,
    endpoint: call.endpoint,
    application: call.application,
    user: call.user,
    outcome: "unknown",
    reason: null,
    status: 0,
    stream: call.stream,
    dispatches: call.permits,
    target: call.target,
    served_model: null,
    finish_reasons: [],
    usage: {
      input_tokens: 0,
      cached_input_tokens: 0,
      output_tokens: 0,
      reasoning_tokens: 0,
      source: "none",
    },
    cost_micro_usd: null,
    price_source: null,
    total_ms: 0,
    first_byte_ms: null,
    response: null,
  };
}
