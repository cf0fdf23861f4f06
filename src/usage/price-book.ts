// What a call costs, in millionths of a US dollar: the config's prices first, then the published ones, and where neither
// knows the model nothing at all, which is not the same as free.

import { type Clock, systemClock } from "../core/clock.ts";
import { type PublishedPrice, priceData, publishedPrice } from "./published-prices.ts";
import { costMicroUsd, type TokenRates, tokenRates } from "./token-rates.ts";
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

type Pricing = (usage: TokenUsage) => Cost | null;

interface Remembered {
  readonly pricing: Pricing;
  /** Milliseconds since the epoch from which it has to be looked up again. */
  readonly until: number;
}

/** Bounded, because a provider that is not narrowed lets clients name any model. */
const maxRemembered = 1000;
/** The data set's finest change is to the minute. */
const changeMs = 60_000;

const unknown: Pricing = () => null;

export class PriceBook {
  readonly #configured: Readonly<Record<string, ConfiguredPrice>>;
  readonly #providers: ReadonlyMap<string, PricedProvider>;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Remembered>();

  constructor(
    configured: Readonly<Record<string, ConfiguredPrice>>,
    providers: ReadonlyMap<string, PricedProvider>,
    clock: Clock = systemClock,
  ) {
    this.#configured = configured;
    this.#providers = providers;
    this.#clock = clock;
  }

  /** `target` is `provider/model`. Null when no price is known. */
  cost(target: string, usage: TokenUsage): Cost | null {
    const now = this.#clock.now();
    let known = this.#remembered.get(target);
    if (known === undefined || known.until <= now) {
      known = this.#lookUp(target, now);
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
      this.#remembered.set(target, known);
    }
    return known.pricing(usage);
  }

  #lookUp(target: string, now: number): Remembered {
    const forever = (pricing: Pricing): Remembered => ({ pricing, until: Number.POSITIVE_INFINITY });
    const slash = target.indexOf("/");
    const name = target.slice(0, slash);
    const provider = this.#providers.get(name);
    if (provider === undefined) return forever(unknown);
    const price = Object.hasOwn(this.#configured, target) ? this.#configured[target] : undefined;
    if (price !== undefined) return forever(configuredPricing(price));
    if (provider.type === "demo") return forever(() => ({ microUsd: 0, source: "demo" }));
    const published = publishedPrice(provider.pricesAs ?? name, target.slice(slash + 1), now);
    if (published === null) return forever(unknown);
    const pricing = publishedPricing(published);
    return published.changes ? { pricing, until: now - (now % changeMs) + changeMs } : forever(pricing);
  }
}

function configuredPricing({ input, output, cached_input }: ConfiguredPrice): Pricing {
  const rates = tokenRates({
    input,
    cachedInput: cached_input ?? input,
    output,
    reasoning: null,
    request: 0,
  });
  return (usage) => cost(rates, usage, "config");
}

function publishedPricing(published: PublishedPrice): Pricing {
  const bands = published.bands.map(({ above, prices }) => ({ above, rates: tokenRates(prices) }));
  return (usage) => {
    const band = bands.find(({ above }) => usage.input_tokens > above);
    return band === undefined ? null : cost(band.rates, usage, priceData);
  };
}

function cost(rates: TokenRates, usage: TokenUsage, source: string): Cost | null {
  const microUsd = costMicroUsd(rates, usage);
  return microUsd === null ? null : { microUsd, source };
}
