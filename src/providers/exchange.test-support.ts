// One request through a real provider to an upstream of a test's making, and what came of it.

import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import { ok, type Result } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import { OpenAiProvider, type OpenAiProviderOptions } from "./openai-provider.ts";
import type { ProviderAnswer, ProviderFailure, ProviderRequest } from "./provider.ts";

/** What is sent unless a test says otherwise. */
export const exchangeBody = Buffer.from('{"model":"m","messages":[]}');

export type Outcome = Result<ProviderAnswer, ProviderFailure>;

/** A provider with a key and short patience; the caller closes it. */
export function providerAt(baseUrl: string, settings: Partial<OpenAiProviderOptions> = {}): OpenAiProvider {
  return new OpenAiProvider({
    name: "up",
    baseUrl,
    key: async () => ok(new SecretValue("sk-real")),
    models: null,
    asksForStreamUsage: true,
    allowPrivateAddresses: false,
    timeoutMs: 5000,
    connectTimeoutMs: 2000,
    connections: 4,
    ...settings,
  });
}

export function sendTo(provider: OpenAiProvider, request: Partial<ProviderRequest> = {}): Promise<Outcome> {
  return provider.send({
    endpoint: "chat/completions",
    body: exchangeBody,
    headers: {},
    maxResponseBytes: 1_000_000,
    signal: new AbortController().signal,
    ...request,
  });
}

/** Sends once and closes the provider. What `look` does with a stream it does before that. */
export async function outcomeAt(
  baseUrl: string,
  look: (outcome: Outcome) => Promise<void> | void,
  settings: Partial<OpenAiProviderOptions> = {},
  request: Partial<ProviderRequest> = {},
): Promise<void> {
  const provider = providerAt(baseUrl, settings);
  try {
    await look(await sendTo(provider, request));
  } finally {
    await provider.close();
  }
}

export function failureIn(outcome: Outcome): ProviderFailure {
  if (outcome.ok) throw new AssertionError({ message: `it answered: ${inspect(outcome.value)}` });
  return outcome.failure;
}

export function wholeIn(outcome: Outcome): Extract<ProviderAnswer, { kind: "whole" }> {
  if (!outcome.ok || outcome.value.kind !== "whole") throw new AssertionError({ message: inspect(outcome) });
  return outcome.value;
}

export function streamIn(outcome: Outcome): Extract<ProviderAnswer, { kind: "stream" }> {
  if (!outcome.ok || outcome.value.kind !== "stream") throw new AssertionError({ message: inspect(outcome) });
  return outcome.value;
}
