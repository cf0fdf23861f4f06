// What one entry of the trail adds to the usage. The shape of the leaf is `call.completed` of the verifier, which
// never changes once it is released.

import { z } from "zod";
import type { CountedCall, CounterSubject } from "./counter-store.ts";
import { spentAmount } from "./spent-amount.ts";
import type { UsageIncrement } from "./usage-store.ts";

const count = z.int().nonnegative();

const completedCall = z.object({
  v: z.literal(1),
  type: z.literal("call.completed"),
  time: z.iso.datetime({ precision: 3 }),
  call: z.string(),
  application: z.string(),
  user: z.string().nullable(),
  target: z.string().nullable(),
  outcome: z.string(),
  dispatches: count,
  total_ms: count,
  usage: z.object({
    input_tokens: count,
    cached_input_tokens: count,
    output_tokens: count,
    source: z.string(),
  }),
  cost_micro_usd: count.nullable(),
});

/** What the gate said no to: the call itself, or what its answer proposed. */
const refusals: ReadonlySet<string> = new Set(["refused", "withheld"]);

export type CompletedCall = z.output<typeof completedCall>;

/** Null for an entry that ends no call. Throws for one that cannot be read: then the sums would be wrong without a word. */
export function readCompletedCall(index: number, leaf: Uint8Array): CompletedCall | null {
  const bytes = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength);
  if (isSurelyAnother(bytes)) return null;
  const value = parsed(bytes);
  if (isOfAnotherType(value)) return null;
  const call = completedCall.safeParse(value);
  if (!call.success) {
    throw new Error(
      `entry ${index} cannot be counted: it is damaged, or a newer version wrote it; run \`portcullis audit verify\``,
    );
  }
  return call.data;
}

export function incrementOf({ usage, cost_micro_usd: cost, ...completed }: CompletedCall): UsageIncrement {
  const tokens = usage.input_tokens + usage.output_tokens;
  return {
    day: completed.time.slice(0, 10),
    application: completed.application,
    user: completed.user ?? "",
    model: completed.target ?? "",
    calls: 1,
    refused: refusals.has(completed.outcome) ? 1 : 0,
    inputTokens: usage.input_tokens,
    cachedInputTokens: usage.cached_input_tokens,
    outputTokens: usage.output_tokens,
    estimated: usage.source === "estimate" ? 1 : 0,
    costMicroUsd: cost ?? 0,
    unpriced: cost === null && tokens > 0 ? 1 : 0,
  };
}

/** `subjects`: whom the call counts for. Its time is when it arrived, which is what it was decided by. */
export function countedCallOf(completed: CompletedCall, subjects: readonly CounterSubject[]): CountedCall {
  const { call, time, total_ms, outcome, dispatches, usage, cost_micro_usd } = completed;
  const unknown = outcome === "unknown";
  const amount = spentAmount({ sent: dispatches, usage, cost: cost_micro_usd, unknown });
  return { call, at: Math.max(0, Date.parse(time) - total_ms), subjects, amount, unknown };
}

const typeMember = '"type":"';
const completedMember = `${typeMember}call.completed"`;

/**
 * Most entries end no call, and say so without being parsed: leaves are canonical JSON, in which a member named `type`
 * stands as these very bytes, and no text does, because its quotes are escaped. Whatever is not plainly of another type is
 * left to the parser, which tells what is damaged.
 */
function isSurelyAnother(leaf: Buffer): boolean {
  // One unit a byte: the bytes that are looked for stand in no other character of UTF-8.
  const text = leaf.toString("latin1");
  // From the end, where a leaf's own type stands: members are sorted. All the way, should another member hold one of its own.
  const at = text.lastIndexOf(typeMember);
  if (at === -1 || text.lastIndexOf(completedMember) !== -1) return false;
  const from = at + typeMember.length;
  const end = text.indexOf('"', from);
  return end !== -1 && /^[a-z._]+$/.test(text.slice(from, end));
}

function isOfAnotherType(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return typeof value.type === "string" && value.type !== "call.completed";
}

/** Undefined when it is not JSON. */
function parsed(leaf: Buffer): unknown {
  try {
    return JSON.parse(leaf.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Increments of the same day, application, user and model as one, so that a batch costs few rows. */
export function mergedIncrements(increments: readonly UsageIncrement[]): readonly UsageIncrement[] {
  const merged = new Map<string, UsageIncrement>();
  for (const one of increments) {
    const key = JSON.stringify([one.day, one.application, one.user, one.model]);
    const other = merged.get(key);
    merged.set(key, other === undefined ? one : sum(other, one));
  }
  return [...merged.values()];
}

function sum(a: UsageIncrement, b: UsageIncrement): UsageIncrement {
  return {
    ...a,
    calls: a.calls + b.calls,
    refused: a.refused + b.refused,
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    estimated: a.estimated + b.estimated,
    costMicroUsd: a.costMicroUsd + b.costMicroUsd,
    unpriced: a.unpriced + b.unpriced,
  };
}
