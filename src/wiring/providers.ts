// A provider that the config names, with its key from the secret store.

import type { OpenAiProviderConfig, ProviderConfig } from "../config/schema.ts";
import { fail, ok } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import { parseSecretReference } from "../credentials/secret-reference.ts";
import { DemoProvider } from "../providers/demo/demo-provider.ts";
import { OpenAiProvider, type ReadProviderKey } from "../providers/openai-provider.ts";
import type { ModelProvider } from "../providers/provider.ts";

export function createProvider(
  name: string,
  provider: ProviderConfig,
  secrets: Pick<EmbeddedSecretStore, "get">,
  connections: number,
): ModelProvider {
  return provider.type === "demo"
    ? new DemoProvider(name)
    : openAiProvider(name, provider, secrets, connections);
}

function openAiProvider(
  name: string,
  provider: OpenAiProviderConfig,
  secrets: Pick<EmbeddedSecretStore, "get">,
  connections: number,
): ModelProvider {
  return new OpenAiProvider({
    name,
    baseUrl: provider.base_url,
    key: provider.api_key === undefined ? null : readKey(provider.api_key, secrets),
    models: provider.models ?? null,
    asksForStreamUsage: provider.stream_usage === "ask",
    allowPrivateAddresses: provider.allow_private_addresses,
    timeoutMs: provider.timeout,
    idleTimeoutMs: provider.idle_timeout,
    connectTimeoutMs: provider.connect_timeout,
    connections,
  });
}

function readKey(written: string, secrets: Pick<EmbeddedSecretStore, "get">): ReadProviderKey {
  const reference = parseSecretReference(written);
  return async () => {
    if (reference === null) return fail(`\`${written}\` is not a secret reference`);
    const secret = await secrets.get(reference.name);
    if (!secret.ok) {
      return fail(
        secret.failure.reason === "absent"
          ? `its key is not in the secret store; run \`portcullis secrets set ${reference.name}\``
          : "its key cannot be opened with this key-encryption key",
      );
    }
    const { field } = reference;
    return field === null ? ok(secret.value) : fieldOf(secret.value, field);
  };
}

function fieldOf(
  secret: SecretValue,
  field: string,
): ReturnType<typeof ok<SecretValue>> | ReturnType<typeof fail<string>> {
  try {
    const held: unknown = secret.use((text) => JSON.parse(text));
    const value =
      typeof held === "object" && held !== null ? new Map(Object.entries(held)).get(field) : undefined;
    return typeof value === "string" ? ok(new SecretValue(value)) : fail(`its key has no field \`${field}\``);
  } catch {
    return fail("its key is not a JSON object");
  }
}
