// What a call costs, in millionths of a US dollar: the config's prices first, then those of `@pydantic/genai-prices`, a
// maintained data set with cached-token and tiered prices that is bundled with the package and so works offline.

import { calcPrice } from "@pydantic/genai-prices";
import type { TokenUsage } from "./token-usage.ts";

export interface Cost {
  readonly microUsd: number;
  /** `config`, `demo`, or the data set with its version. */
  readonly source: string;
}

/** USD per million tokens. */
export interface ConfiguredPrice {
  readonly input: number;
  readonly output: number;
  readonly cached_input?: number | undefined;
}

export interface PricedProvider {
  readonly type: "openai" | "demo";
  /** The provider's id in the data set, where it is not its configured name. */
  readonly pricesAs?: string | undefined;
}

/** The version of the data set is its date: it is released whenever prices change. Kept equal to the lock file by a test. */
export const priceData = "genai-prices 0.1.8";

type Pricing = (usage: TokenUsage) => Cost | null;

/** Bounded, because a provider that is not narrowed lets clients name any model. */
const maxRemembered = 1000;

export class PriceBook {
  readonly #configured: Readonly<Record<string, ConfiguredPrice>>;
  readonly #providers: ReadonlyMap<string, PricedProvider>;
  readonly #remembered = new Map<string, Pricing>();

  constructor(
    configured: Readonly<Record<string, ConfiguredPrice>>,
    providers: ReadonlyMap<string, PricedProvider>,
  ) {
    this.#configured = configured;
    this.#providers = providers;
  }

  /** `target` is `provider/model`. Null when no price is known, which is not the same as free. */
  cost(target: string, usage: TokenUsage): Cost | null {
    let pricing = this.#remembered.get(target);
    if (pricing === undefined) {
      pricing = this.#pricing(target);
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
      this.#remembered.set(target, pricing);
    }
    return pricing(usage);
  }

  #pricing(target: string): Pricing {
    const slash = target.indexOf("/");
    const name = target.slice(0, slash);
    const provider = this.#providers.get(name);
    if (provider === undefined) return () => null;
    const price = Object.hasOwn(this.#configured, target) ? this.#configured[target] : undefined;
    if (price !== undefined) return (usage) => ({ microUsd: configuredCost(price, usage), source: "config" });
    if (provider.type === "demo") return () => ({ microUsd: 0, source: "demo" });
    return publishedPricing(provider.pricesAs ?? name, target.slice(slash + 1));
  }
}

/** USD per million tokens is micro-USD per token, so the sum needs no scaling and is rounded once. */
function configuredCost(price: ConfiguredPrice, usage: TokenUsage): number {
  const fresh = usage.input_tokens - usage.cached_input_tokens;
  const cached = price.cached_input ?? price.input;
  return Math.round(
    fresh * price.input + usage.cached_input_tokens * cached + usage.output_tokens * price.output,
  );
}

function publishedPricing(providerId: string, model: string): Pricing {
  const known = calcPrice({ input_tokens: 0, output_tokens: 0 }, model, { providerId });
  if (known === null) return () => null;
  const { input_mtok, output_mtok, cache_read_mtok } = known.model_price;
  if (typeof input_mtok === "number" && typeof output_mtok === "number") {
    const cached_input = typeof cache_read_mtok === "number" ? cache_read_mtok : input_mtok;
    const flat = { input: input_mtok, output: output_mtok, cached_input };
    return (usage) => ({ microUsd: configuredCost(flat, usage), source: priceData });
  }
  return (usage) => {
    const { input_tokens, output_tokens, cached_input_tokens } = usage;
    const tiered = calcPrice({ input_tokens, output_tokens, cache_read_tokens: cached_input_tokens }, model, {
      providerId,
    });
    return tiered === null
      ? null
      : { microUsd: Math.round(tiered.total_price * 1_000_000), source: priceData };
  };
}
