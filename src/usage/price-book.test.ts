import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PriceBook, priceData } from "./price-book.ts";
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
]);

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
