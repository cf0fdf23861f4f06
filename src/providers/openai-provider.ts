// Any upstream that speaks OpenAI's API.

import { Pool } from "undici";
import { fail, type Result } from "../core/result.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { guardedLookup, isWrittenInternal } from "./egress.ts";
import { Exchange } from "./exchange.ts";
import type { ModelProvider, ProviderAnswer, ProviderFailure, ProviderRequest } from "./provider.ts";

/** The provider's key. A failure is text for people: lowercase and without the key. */
export type ReadProviderKey = () => Promise<Result<SecretValue, string>>;

export interface OpenAiProviderOptions {
  readonly name: string;
  readonly baseUrl: string;
  /** Null for an upstream that wants none. */
  readonly key: ReadProviderKey | null;
  readonly models: readonly string[] | null;
  readonly asksForStreamUsage: boolean;
  readonly allowPrivateAddresses: boolean;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** As many as calls may run at once: fewer would let streams wait for each other. */
  readonly connections: number;
}

export class OpenAiProvider implements ModelProvider {
  readonly type = "openai";
  readonly name: string;
  readonly models: readonly string[] | null;
  readonly asksForStreamUsage: boolean;
  readonly #key: ReadProviderKey | null;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #timeoutMs: number;

  constructor(options: OpenAiProviderOptions) {
    this.name = options.name;
    this.models = options.models;
    this.asksForStreamUsage = options.asksForStreamUsage;
    this.#key = options.key;
    this.#timeoutMs = options.timeoutMs;
    const url = new URL(options.baseUrl);
    this.#path = url.pathname.replace(/\/+$/, "");
    const allowInternal = options.allowPrivateAddresses || isWrittenInternal(url.hostname);
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs, lookup: guardedLookup(allowInternal) },
    });
  }

  async send(request: ProviderRequest): Promise<Result<ProviderAnswer, ProviderFailure>> {
    const headers: Record<string, string> = {
      ...request.headers,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "accept-encoding": "identity",
      "user-agent": "portcullis",
    };
    if (this.#key !== null) {
      const key = await this.#key();
      if (!key.ok) return fail({ reason: "unavailable", detail: key.failure });
      headers["authorization"] = key.value.use((value) => `Bearer ${value}`);
    }
    return new Promise((resolve) => {
      const exchange = new Exchange(resolve, { maxBytes: request.maxResponseBytes, signal: request.signal });
      this.#pool.dispatch(
        {
          method: "POST",
          path: `${this.#path}/${request.endpoint}`,
          headers,
          body: request.body,
          headersTimeout: this.#timeoutMs,
          bodyTimeout: this.#timeoutMs,
        },
        exchange,
      );
    });
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
