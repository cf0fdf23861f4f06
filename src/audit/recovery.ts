// Repairs what a crash left behind: calls on record as decided and never as completed end with outcome `unknown`.
// Safe at any time and any number of times: what an interrupted run completed is found completed by the next.

import type { LeafBody, LeafOf } from "portcullis-verify/leaves/leaf-schema.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import type { EncodedEntry } from "../core/entry.ts";
import { type EntryReader, entriesOf } from "./log-walk.ts";

interface OpenCall {
  readonly call: string;
  readonly instance: string;
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

/** What recovery records through. */
export interface Recorder {
  readonly store: EntryReader;
  readonly instance: string;
  encode(body: LeafBody): EncodedEntry;
  append(entries: readonly EncodedEntry[]): Promise<unknown>;
}

const appendBatch = 100;

/** Completes what is open in the log that was taken over; of the instance `left` alone, where others write too. */
export async function recoverCalls(
  recorder: Recorder,
  { openFrom, head }: { readonly openFrom: number; readonly head: { readonly size: number } },
  tracked: { opened(call: string, index: number): void },
  left: string | null = null,
): Promise<RecoveryReport> {
  const found = await findOpenCalls(recorder.store, openFrom, head.size);
  const open = [...found.values()].filter(({ instance }) => left === null || instance === left);
  // Tracked before anything is published, so that `openFrom` stays below them until their completions are durable.
  for (const call of open) tracked.opened(call.call, call.firstIndex);
  const completed = await completeOpenCalls(recorder, open);
  return { scanned: head.size - openFrom, completed };
}

/**
 * Calls open at `size`, by id. Memory is bounded by the number of open calls. An entry that is no leaf is passed over: it
 * is sealed as it is, and for verification to name. Throws `LogGapError`.
 */
async function findOpenCalls(store: EntryReader, from: number, size: number): Promise<Map<string, OpenCall>> {
  const open = new Map<string, OpenCall>();
  for await (const entries of entriesOf(store, from, size)) {
    for (const { index, leaf } of entries) {
      const parsed = parseLeaf(leaf);
      if (!parsed.ok) continue;
      if (parsed.value.type === "call.decided") {
        open.set(parsed.value.call, decided(open.get(parsed.value.call), index, parsed.value));
      }
      if (parsed.value.type === "call.completed") open.delete(parsed.value.call);
    }
  }
  return open;
}

/** Completes them through the trail, so that they are tracked and fenced as any other entry. */
async function completeOpenCalls(recorder: Recorder, calls: readonly OpenCall[]): Promise<readonly string[]> {
  const completed: string[] = [];
  for (let start = 0; start < calls.length; start += appendBatch) {
    const batch = calls.slice(start, start + appendBatch);
    await recorder.append(batch.map((call) => recorder.encode(unknownCompletion(call, recorder.instance))));
    completed.push(...batch.map((call) => call.call));
  }
  return completed;
}

function decided(known: OpenCall | undefined, index: number, leaf: LeafOf<"call.decided">): OpenCall {
  const permitted = leaf.decision === "permit" && leaf.hold === undefined;
  return {
    call: leaf.call,
    instance: leaf.instance,
    firstIndex: known?.firstIndex ?? index,
    endpoint: leaf.endpoint,
    application: leaf.application,
    user: leaf.user,
    stream: leaf.facts?.["stream"] === true,
    permits: (known?.permits ?? 0) + (permitted ? 1 : 0),
    target: permitted ? leaf.target : (known?.target ?? null),
  };
}

/**
 * Dispatches and target say the most that may have happened: a permitted request may or may not have left. It has not
 * where the decision itself was refused for a fault of the disk and came back with the crash (`LogUnavailableError`).
 */
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
