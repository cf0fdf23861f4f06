import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { calcPrice, findProvider } from "@pydantic/genai-prices";
import fc from "fast-check";
import { PriceBook } from "./price-book.ts";
import { priceData } from "./published-prices.ts";
import type { TokenUsage } from "./token-usage.ts";

const usage: TokenUsage = {
  input_tokens: 1000,
  cached_input_tokens: 400,
  output_tokens: 100,
  reasoning_tokens: 0,
  source: "provider",
};
const providers = new Map([
  ["openai", { type: "openai" as const }],
  ["mine", { type: "openai" as const }],
  ["demo", { type: "demo" as const }],
  ["openai-eu", { type: "openai" as const }],
  ["eu", { type: "openai" as const, pricesAs: "openai" }],
  ["perplexity", { type: "openai" as const }],
  ["google", { type: "openai" as const }],
]);

function usageOf(input: number, cached: number, output: number, reasoning = 0): TokenUsage {
  return {
    input_tokens: input,
    cached_input_tokens: cached,
    output_tokens: output,
    reasoning_tokens: reasoning,
    source: "provider",
  };
}

test("the price data is named with the version that is installed", () => {
  const lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));
  assert.equal(priceData, `genai-prices ${lock.packages["node_modules/@pydantic/genai-prices"].version}`);
});

test("configured prices come first, cached tokens have their own, and an unknown price is not zero", () => {
  const book = new PriceBook({ "mine/m": { input: 2, output: 10, cached_input: 0.5 } }, providers);
  assert.deepEqual(book.cost("mine/m", usage), {
    microUsd: 600 * 2 + 400 * 0.5 + 100 * 10,
    source: "config",
  });
  assert.equal(book.cost("mine/other", usage), null);
  assert.equal(book.cost("nobody/m", usage), null);
  assert.deepEqual(book.cost("demo/assistant", usage), { microUsd: 0, source: "demo" });
});

test("published prices count cached tokens as the provider bills them", () => {
  // gpt-4o-mini: 0.15, 0.075 and 0.60 USD per million tokens.
  const cost = new PriceBook({}, providers).cost("openai/gpt-4o-mini", usage);
  assert.deepEqual(cost, { microUsd: Math.round(600 * 0.15 + 400 * 0.075 + 100 * 0.6), source: priceData });
});

test("a provider is priced by its very name or by what it is said to be priced as, never by a likeness", () => {
  const book = new PriceBook({}, providers);
  assert.equal(book.cost("openai-eu/gpt-4o-mini", usage), null);
  assert.deepEqual(book.cost("eu/gpt-4o-mini", usage), book.cost("openai/gpt-4o-mini", usage));
  assert.equal(book.cost("openai/no-such-model", usage), null);
  assert.equal(book.cost("openai/__proto__", usage), null);
});

test("fractions are added up exactly and rounded once, half up", () => {
  const price = (input: number, output = 0) => new PriceBook({ "mine/m": { input, output } }, providers);
  assert.equal(price(0.1).cost("mine/m", usageOf(5, 0, 0))?.microUsd, 1);
  assert.equal(price(0.1).cost("mine/m", usageOf(4, 0, 0))?.microUsd, 0);
  // In binary fractions 0.1 * 3 + 0.2 * 1 is above one half, and 1.005 * 1000 is below 1005.
  assert.equal(price(0.1, 0.2).cost("mine/m", usageOf(3, 0, 1))?.microUsd, 1);
  assert.equal(price(1.005).cost("mine/m", usageOf(100, 0, 0))?.microUsd, 101);
  assert.equal(price(0.000001).cost("mine/m", usageOf(1_000_000_000, 0, 0))?.microUsd, 1000);
  assert.equal(price(1e-7).cost("mine/m", usageOf(500_000_0, 0, 0))?.microUsd, 1);
  assert.equal(price(1e12).cost("mine/m", usageOf(1_000_000_000, 0, 0)), null);
});

test("an embedding model has no price for output, so output makes its cost unknown and not less", () => {
  const book = new PriceBook({}, providers);
  assert.equal(book.cost("openai/text-embedding-3-small", usageOf(1_000_000, 0, 0))?.microUsd, 20_000);
  assert.equal(book.cost("openai/text-embedding-3-small", usageOf(1_000_000, 0, 1)), null);
});

test("a price that changes on a day changes on that day", () => {
  const clock = { time: Date.UTC(2025, 5, 9), now: () => clock.time };
  const book = new PriceBook({}, providers, clock);
  assert.equal(book.cost("openai/o3", usageOf(1000, 0, 0))?.microUsd, 10_000);
  clock.time = Date.UTC(2025, 5, 11);
  assert.equal(book.cost("openai/o3", usageOf(1000, 0, 0))?.microUsd, 2000);
});

test("for every model of the data set the cost is what the data set itself reckons", () => {
  const clock = { now: () => Date.UTC(2026, 9, 1, 12) };
  const timestamp = new Date(clock.now());
  for (const providerId of ["openai", "google", "perplexity"]) {
    const book = new PriceBook({}, providers, clock);
    const models = findProvider({ providerId })?.models ?? [];
    let compared = 0;
    const counts = fc.tuple(fc.nat(500_000), fc.nat(500_000), fc.nat(500_000));
    fc.assert(
      fc.property(fc.constantFrom(...models), counts, ({ id }, [a, b, output]) => {
        const [input, cached] = [Math.max(a, b), Math.min(a, b)];
        const ours = book.cost(`${providerId}/${id}`, usageOf(input, cached, output));
        if (ours === null) return;
        compared += 1;
        const tokens = { input_tokens: input, cache_read_tokens: cached, output_tokens: output };
        const theirs = calcPrice(tokens, id, { providerId, timestamp })?.total_price ?? Number.NaN;
        assert.ok(Math.abs(ours.microUsd - theirs * 1_000_000) <= 0.51, `${id}: ${ours.microUsd}, ${theirs}`);
      }),
      { numRuns: 150 },
    );
    assert.ok(compared > 75, `only ${compared} prices of ${providerId} were compared`);
  }
});

test("ten thousand made-up models are looked up without being remembered for good", () => {
  const book = new PriceBook({}, new Map([["mine", { type: "openai" as const }]]));
  for (let at = 0; at < 10_000; at += 1) assert.equal(book.cost(`mine/made-up-${at}`, usage), null);
});
