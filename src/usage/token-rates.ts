// What tokens cost, reckoned in whole numbers: prices become integers before anything is added up, and the sum is rounded
// once, so that no order of adding and no binary fraction shows in a bill.

import type { TokenUsage } from "./token-usage.ts";

/** USD per million tokens, which is also millionths of a dollar (micro-USD) per token. */
export interface TokenPrices {
  readonly input: number;
  readonly cachedInput: number;
  /** Null when the model has no price for what it writes, as an embedding model. */
  readonly output: number | null;
  readonly reasoning: number | null;
  /** Micro-USD for each request, beside its tokens. */
  readonly request: number;
}

/** Units of 10^-12 micro-USD. */
export interface TokenRates {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly output: bigint | null;
  readonly reasoning: bigint | null;
  readonly request: bigint;
}

const decimals = 12;
const scale = 10n ** BigInt(decimals);

export function tokenRates(prices: TokenPrices): TokenRates {
  return {
    input: scaled(prices.input),
    cachedInput: scaled(prices.cachedInput),
    output: prices.output === null ? null : scaled(prices.output),
    reasoning: prices.reasoning === null ? null : scaled(prices.reasoning),
    request: scaled(prices.request),
  };
}

/** Whole micro-USD, half of one rounded up. Null when something was used that has no price, or the sum is beyond 2^53-1. */
export function costMicroUsd(rates: TokenRates, usage: TokenUsage): number | null {
  const { input_tokens, cached_input_tokens, output_tokens, reasoning_tokens } = usage;
  if (output_tokens > 0 && rates.output === null) return null;
  const output = rates.output ?? 0n;
  const sum =
    rates.request +
    rates.input * BigInt(input_tokens - cached_input_tokens) +
    rates.cachedInput * BigInt(cached_input_tokens) +
    output * BigInt(output_tokens - reasoning_tokens) +
    (rates.reasoning ?? output) * BigInt(reasoning_tokens);
  const rounded = Number((sum + scale / 2n) / scale);
  return Number.isSafeInteger(rounded) && rounded >= 0 ? rounded : null;
}

/** The number as it is written in decimal, to twelve places. */
function scaled(price: number): bigint {
  const [mantissa = "0", exponent = "0"] = String(price).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const places = decimals - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  if (places >= 0) return digits * 10n ** BigInt(places);
  const divisor = 10n ** BigInt(-places);
  return (digits + divisor / 2n) / divisor;
}
