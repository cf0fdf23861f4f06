// Rows of the usage projection.

import type { UsageIncrement, UsageRow } from "../../usage/usage-store.ts";
import { integer, type Row, text } from "./row.ts";

/** The numbers of a row, in the order of their columns. */
export const sums = [
  "calls",
  "refused",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "estimated",
  "cost_micro_usd",
  "unpriced",
] as const;

// A provider may report any number. A total that would leave the safe integers stays at the largest one: an absurd report
// must neither stop the counting nor make the totals unreadable.
export const most = Number.MAX_SAFE_INTEGER;

/** `userColumn`: a word that one of the databases keeps for itself. */
export function usageOf(row: Row, userColumn: "user" | "user_id"): UsageRow {
  return {
    day: text(row, "day"),
    application: text(row, "application"),
    user: text(row, userColumn),
    model: text(row, "model"),
    calls: integer(row, "calls"),
    refused: integer(row, "refused"),
    inputTokens: integer(row, "input_tokens"),
    cachedInputTokens: integer(row, "cached_input_tokens"),
    outputTokens: integer(row, "output_tokens"),
    estimated: integer(row, "estimated"),
    costMicroUsd: integer(row, "cost_micro_usd"),
    unpriced: integer(row, "unpriced"),
  };
}

/** In the order of the columns. */
export function usageValues(one: UsageIncrement): (string | number)[] {
  return [
    one.day,
    one.application,
    one.user,
    one.model,
    one.calls,
    one.refused,
    one.inputTokens,
    one.cachedInputTokens,
    one.outputTokens,
    one.estimated,
    one.costMicroUsd,
    one.unpriced,
  ];
}
