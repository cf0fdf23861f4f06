// Usage counted from the log, off the hot path: run it twice, kill it, or empty it, and the sums come out the same.

import type { UsageIncrement, UsageStore } from "./usage-store.ts";

export interface EntryReader {
  head(): Promise<{ readonly size: number }>;
  read(from: number, to: number): Promise<readonly { readonly index: number; readonly leaf: Uint8Array }[]>;
}

/** Entries in one step: a few milliseconds of work. */
const batch = 500;

export class UsageProjection {
  readonly #entries: EntryReader;
  readonly #store: UsageStore;
  #running: Promise<void> | null = null;

  constructor(entries: EntryReader, store: UsageStore) {
    this.#entries = entries;
    this.#store = store;
  }

  /** Counts what the log holds now. Calls at the same time share one run. */
  catchUp(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      const from = await this.#store.position();
      const { size } = await this.#entries.head();
      const to = Math.min(size, from + batch);
      if (to <= from) return;
      const entries = await this.#entries.read(from, to);
      await this.#store.advance(from, from + entries.length, entries.flatMap(incrementOf));
      await new Promise(setImmediate);
    }
  }
}

function incrementOf(entry: { readonly leaf: Uint8Array }): readonly UsageIncrement[] {
  const leaf: unknown = JSON.parse(Buffer.from(entry.leaf).toString("utf8"));
  if (!isObject(leaf) || leaf["type"] !== "call.completed") return [];
  const usage = isObject(leaf["usage"]) ? leaf["usage"] : {};
  const inputTokens = count(usage["input_tokens"]);
  const outputTokens = count(usage["output_tokens"]);
  const cost = leaf["cost_micro_usd"];
  return [
    {
      day: String(leaf["time"]).slice(0, 10),
      application: String(leaf["application"]),
      user: typeof leaf["user"] === "string" ? leaf["user"] : "",
      model: typeof leaf["target"] === "string" ? leaf["target"] : "",
      calls: 1,
      refused: leaf["outcome"] === "refused" ? 1 : 0,
      inputTokens,
      cachedInputTokens: count(usage["cached_input_tokens"]),
      outputTokens,
      estimated: usage["source"] === "estimate" ? 1 : 0,
      costMicroUsd: count(cost),
      unpriced: cost === null && inputTokens + outputTokens > 0 ? 1 : 0,
    },
  ];
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
