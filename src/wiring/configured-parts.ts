// The parts of the gate that the config makes, and that a changed config makes anew.

import { isDeepStrictEqual } from "node:util";
import type { Config, ProviderConfig } from "../config/schema.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import type { Egress } from "../egress/egress.ts";
import { ToolCatalog } from "../facts/tool-catalog.ts";
import type { GatewayParts } from "../gateway/parts.ts";
import type { ModelProvider } from "../providers/provider.ts";
import { Router, usualPatience } from "../providers/routing.ts";
import { PriceBook } from "../usage/price-book.ts";
import { notingUse, type UseNote } from "./noted-use.ts";
import { createProvider } from "./providers.ts";

type Made = "applications" | "catalog" | "router" | "providers" | "prices" | "limits" | "waiting";

export interface ConfiguredParts {
  readonly config: Config;
  readonly egress: Egress;
  readonly parts: Pick<GatewayParts, Made>;
}

/** `before` lends the providers whose config is the same, so that their connections live on. */
export function configuredParts(
  config: Config,
  secrets: Pick<EmbeddedSecretStore, "get">,
  egress: Egress,
  note: UseNote,
  before: ConfiguredParts | null = null,
): ConfiguredParts {
  const providers = new Map(
    Object.entries(config.providers).map(([name, one]) => [
      name,
      unchanged(name, one, config, egress, before) ??
        notingUse(createProvider(name, one, secrets, config.limits.concurrency, egress), note),
    ]),
  );
  const models = new Map([...providers].map(([name, provider]) => [name, provider.models]));
  return {
    config,
    egress,
    parts: {
      applications: new Map(
        config.applications.map(({ name, groups, payloads }) => [
          name,
          { name, groups, payloads: payloads ?? config.audit.payloads },
        ]),
      ),
      catalog: new ToolCatalog(config.tools),
      router: new Router({
        providers: models,
        aliases: config.models.map(({ name, targets, retries, timeout, total_timeout: total }) => ({
          name,
          targets,
          patience: { retries, firstByteMs: timeout ?? null, totalMs: total ?? config.limits.time },
        })),
        patience: { ...usualPatience, totalMs: config.limits.time },
      }),
      providers,
      prices: new PriceBook(config.prices, pricedProviders(config)),
      limits: config.limits,
      waiting: {
        waitMs: config.approvals.wait,
        commitMs: config.approvals.open_after,
        beatMs: config.approvals.heartbeat,
        onReject: config.approvals.on_reject,
      },
    },
  };
}

/** Those of `before` that `after` has no use for. */
export function retiredProviders(before: ConfiguredParts, after: ConfiguredParts): readonly ModelProvider[] {
  const kept = new Set(after.parts.providers.values());
  return [...before.parts.providers.values()].filter((provider) => !kept.has(provider));
}

function unchanged(
  name: string,
  provider: ProviderConfig,
  config: Config,
  egress: Egress,
  before: ConfiguredParts | null,
): ModelProvider | null {
  if (before === null || before.egress !== egress) return null;
  if (before.config.limits.concurrency !== config.limits.concurrency) return null;
  return isDeepStrictEqual(before.config.providers[name], provider)
    ? (before.parts.providers.get(name) ?? null)
    : null;
}

function pricedProviders(config: Config): ConstructorParameters<typeof PriceBook>[1] {
  return new Map(
    Object.entries(config.providers).map(([name, one]) => [
      name,
      { type: one.type, pricesAs: one.type === "openai" ? one.prices_as : undefined },
    ]),
  );
}
