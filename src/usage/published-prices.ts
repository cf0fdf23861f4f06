// Prices of `@pydantic/genai-prices`: a maintained data set with cached-token, tiered and dated prices that is bundled with
// the package and so works offline.

import { calcPrice, findProvider, type ModelPrice } from "@pydantic/genai-prices";
import type { TokenPrices } from "./token-rates.ts";

/** The data set with its version, which is its date: 0.1.8 was published on 2026-09-23. A test holds it to the lock file. */
export const priceData = "genai-prices 0.1.8";

/** What holds for calls with more than `above` input tokens: some models cost more beyond a threshold. */
export interface PriceBand {
  readonly above: number;
  readonly prices: TokenPrices;
}

export interface PublishedPrice {
  /** Highest first; the last holds for every call. */
  readonly bands: readonly PriceBand[];
  /** Whether they change with the date or the time of day. */
  readonly changes: boolean;
}

/** `provider` must be an id of the data set as it is written there. Null when the data set has no price for input tokens. */
export function publishedPrice(provider: string, model: string, now: number): PublishedPrice | null {
  // The data set's own search also takes names that merely look like a provider's.
  if (findProvider({ providerId: provider })?.id !== provider) return null;
  const found = calcPrice({ input_tokens: 0, output_tokens: 0 }, model, {
    providerId: provider,
    timestamp: new Date(now),
  });
  if (found === null || found.model_price["input_mtok"] === undefined) return null;
  const price = found.model_price;
  return {
    bands: thresholds(price).map((above) => ({ above, prices: pricesAbove(price, above) })),
    changes: Array.isArray(found.model.prices),
  };
}

function thresholds(price: ModelPrice): readonly number[] {
  const starts = Object.values(price).flatMap((one) =>
    typeof one === "object" ? one.tiers.map((tier) => tier.start) : [],
  );
  return [...new Set([-1, ...starts])].toSorted((a, b) => b - a);
}

function pricesAbove(price: ModelPrice, above: number): TokenPrices {
  const input = priceAbove(price["input_mtok"], above) ?? 0;
  return {
    input,
    cachedInput: priceAbove(price["cache_read_mtok"], above) ?? input,
    output: priceAbove(price["output_mtok"], above),
    reasoning: priceAbove(price["output_reasoning_mtok"], above),
    // USD per thousand requests.
    request: (priceAbove(price["requests_kcount"], above) ?? 0) * 1000,
  };
}

/** Beyond a tier's start all tokens have that tier's price, which is how the data set and the providers count. */
function priceAbove(price: ModelPrice[string], above: number): number | null {
  if (price === undefined) return null;
  if (typeof price === "number") return price;
  const reached = price.tiers.filter((tier) => tier.start <= above).toSorted((a, b) => b.start - a.start);
  return reached[0]?.price ?? price.base;
}
