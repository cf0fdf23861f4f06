// Any upstream that speaks OpenAI's API.

import { type buildConnector, Pool } from "undici";
import { OperatorError } from "../core/operator-error.ts";
import { fail, type Result } from "../core/result.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { guardedLookup, type ResolveName } from "./egress.ts";
import { Exchange } from "./exchange.ts";
import { clientHeaders, ownRequestHeaders } from "./passed-headers.ts";
import type {
  ModelProvider,
  ProviderAnswer,
  ProviderEndpoint,
  ProviderFailure,
  ProviderRequest,
} from "./provider.ts";

/** The provider's key, asked for with every request: whoever answers may cache. A failure is text for people, without the key. */
export type ReadProviderKey = () => Promise<Result<SecretValue, string>>;

export interface OpenAiProviderOptions {
  readonly name: string;
  readonly baseUrl: string;
  /** Null for an upstream that wants none. */
  readonly key: ReadProviderKey | null;
  readonly models: readonly string[] | null;
  readonly asksForStreamUsage: boolean;
  readonly allowPrivateAddresses: boolean;
  /** From sending the request to the first byte of the answer, and between two parts of it. */
  readonly timeoutMs: number;
  /** Between two parts of an answer, in place of `timeoutMs`. */
  readonly idleTimeoutMs?: number | undefined;
  readonly connectTimeoutMs: number;
  /** As many as calls may run at once: fewer would let streams wait for each other. */
  readonly connections: number;
  /** Default: the system's resolver. */
  readonly resolveName?: ResolveName;
  /** In place of connecting directly: what connects, given how long each step may take and what checks addresses. */
  readonly connector?: (options: {
    readonly timeoutMs: number;
    readonly lookup: ReturnType<typeof guardedLookup>;
  }) => buildConnector.connector;
}

export class OpenAiProvider implements ModelProvider {
  readonly type = "openai";
  readonly name: string;
  readonly models: readonly string[] | null;
  readonly asksForStreamUsage: boolean;
  readonly #key: ReadProviderKey | null;
  readonly #pool: Pool;
  readonly #paths: Readonly<Record<ProviderEndpoint, string>>;
  readonly #timeoutMs: number;
  readonly #idleMs: number | null;

  /** Throws `OperatorError` for a base URL that cannot be meant. Connects to nothing. */
  constructor(options: OpenAiProviderOptions) {
    this.name = options.name;
    this.models = options.models;
    this.asksForStreamUsage = options.asksForStreamUsage;
    this.#key = options.key;
    this.#timeoutMs = options.timeoutMs;
    this.#idleMs = options.idleTimeoutMs ?? null;
    const url = baseUrl(options.name, options.baseUrl);
    this.#paths = {
      "chat/completions": pathUnder(url, "chat/completions"),
      embeddings: pathUnder(url, "embeddings"),
    };
    const { connectTimeoutMs: timeoutMs } = options;
    const lookup = guardedLookup(options.allowPrivateAddresses, options.resolveName);
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      pipelining: 1,
      // One exchange a connection: cancelling one then closes it, and pausing one does not hold up another.
      allowH2: false,
      connect: options.connector?.({ timeoutMs, lookup }) ?? { timeout: timeoutMs, lookup },
    });
  }

  async send(request: ProviderRequest): Promise<Result<ProviderAnswer, ProviderFailure>> {
    const headers = [...ownRequestHeaders, ...clientHeaders(request.headers)];
    if (this.#key === null) return this.#exchange(request, headers, null);
    const key = await this.#key();
    if (!key.ok) return fail({ reason: "unavailable", detail: key.failure, unsent: true });
    return key.value.use((value) => {
      if (!/^[\x21-\x7e]+$/.test(value)) return fail(unsendableKey);
      return this.#exchange(request, [...headers, "authorization", `Bearer ${value}`], key.value);
    });
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #exchange(
    request: ProviderRequest,
    headers: string[],
    key: SecretValue | null,
  ): Promise<Result<ProviderAnswer, ProviderFailure>> {
    const { signal, body, endpoint, maxResponseBytes: maxBytes } = request;
    const firstByteMs = request.firstByteMs ?? this.#timeoutMs;
    const idleMs = this.#idleMs ?? firstByteMs;
    const totalMs = request.totalMs ?? null;
    if (signal.aborted) return fail({ reason: "cancelled", detail: "the client is gone" });
    return new Promise((resolve) => {
      this.#pool.dispatch(
        {
          method: "POST",
          path: this.#paths[endpoint],
          headers,
          body,
          headersTimeout: firstByteMs,
          bodyTimeout: idleMs,
        },
        new Exchange(resolve, { maxBytes, stallMs: idleMs, totalMs, signal, key }),
      );
    });
  }
}

const unsendableKey: ProviderFailure = {
  reason: "unavailable",
  unsent: true,
  detail:
    "its key holds characters that no HTTP header can carry; set it again with `portcullis secrets set`",
};

function baseUrl(provider: string, written: string): URL {
  const url = URL.parse(written);
  const place = `\`base_url\` of provider \`${provider}\``;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new OperatorError(`${place} is not an http or https URL`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new OperatorError(`${place} holds credentials; use \`api_key\` and \`portcullis secrets set\``);
  }
  if (url.hash !== "") throw new OperatorError(`${place} has a fragment; take away the part from \`#\` on`);
  return url;
}

/** The endpoint below the base URL's path, with the base URL's query (`api-version`, for some vendors). */
function pathUnder(base: URL, endpoint: ProviderEndpoint): string {
  return `${base.pathname.replace(/\/+$/, "")}/${endpoint}${base.search}`;
}
