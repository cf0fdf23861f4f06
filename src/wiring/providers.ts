// A provider that the config names, with its key from the secret store.

import type { OpenAiProviderConfig, ProviderConfig } from "../config/schema.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import type { Egress } from "../egress/egress.ts";
import { DemoProvider } from "../providers/demo/demo-provider.ts";
import { OpenAiProvider } from "../providers/openai-provider.ts";
import type { ModelProvider } from "../providers/provider.ts";
import { secretAt } from "./secret-at.ts";

export function createProvider(
  name: string,
  provider: ProviderConfig,
  secrets: Pick<EmbeddedSecretStore, "get">,
  connections: number,
  egress: Egress,
): ModelProvider {
  return provider.type === "demo"
    ? new DemoProvider(name)
    : openAiProvider(name, provider, secrets, connections, egress);
}

function openAiProvider(
  name: string,
  provider: OpenAiProviderConfig,
  secrets: Pick<EmbeddedSecretStore, "get">,
  connections: number,
  egress: Egress,
): ModelProvider {
  return new OpenAiProvider({
    name,
    baseUrl: provider.base_url,
    key: provider.api_key === undefined ? null : secretAt(provider.api_key, secrets, "its key"),
    models: provider.models ?? null,
    asksForStreamUsage: provider.stream_usage === "ask",
    allowPrivateAddresses: provider.allow_private_addresses,
    timeoutMs: provider.timeout,
    idleTimeoutMs: provider.idle_timeout,
    connectTimeoutMs: provider.connect_timeout,
    connections,
    connector: (options) => egress.connector(options),
  });
}
