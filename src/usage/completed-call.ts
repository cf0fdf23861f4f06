// What one entry of the trail adds to the usage. The shape of the leaf is `call.completed` of audit/leaf-schema.ts, which
// never changes once it is released.

import { z } from "zod";
import type { UsageIncrement } from "./usage-store.ts";

const count = z.int().nonnegative();

const entryType = z.object({ type: z.string() });

const completedCall = z.object({
  v: z.literal(1),
  time: z.iso.datetime({ precision: 3 }),
  application: z.string(),
  user: z.string().nullable(),
  target: z.string().nullable(),
  outcome: z.string(),
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

/** Null for an entry that ends no call. Throws for one that cannot be read: then the sums would be wrong without a word. */
export function completedCallIncrement(index: number, leaf: Uint8Array): UsageIncrement | null {
  const value = parsed(leaf);
  const read = entryType.safeParse(value);
  if (read.success && read.data.type !== "call.completed") return null;
  const call = completedCall.safeParse(value);
  if (!call.success) {
    throw new Error(
      `entry ${index} cannot be counted: it is damaged, or a newer version wrote it; run \`portcullis audit verify\``,
    );
  }
  const { usage, cost_micro_usd: cost, ...completed } = call.data;
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

/** Undefined when it is not JSON. */
function parsed(leaf: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8"));
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
