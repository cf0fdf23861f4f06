// Handing spans to a collector: OTLP over HTTP, in JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp).

import { type buildConnector, Pool } from "undici";
import { otlpJson, type Resource } from "./otlp-json.ts";
import type { Span } from "./span.ts";
import type { Delivery } from "./span-exporter.ts";

export interface OtlpDeliveryOptions {
  readonly endpoint: string;
  readonly resource: Resource;
  readonly connect: buildConnector.connector;
  /** Asked for with every batch. Rejects, in words, when they cannot be had. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly timeoutMs?: number;
}

const maxAnswerBytes = 64 * 1024;
/** What the specification says may be tried again. */
const temporary: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export class OtlpDelivery {
  readonly #options: OtlpDeliveryOptions;
  readonly #pool: Pool;
  readonly #path: string;

  constructor(options: OtlpDeliveryOptions) {
    this.#options = options;
    const { origin, pathname, search } = new URL(options.endpoint);
    this.#pool = new Pool(origin, { connections: 1, connect: options.connect, allowH2: false });
    this.#path = pathname + search;
  }

  /** Never rejects. */
  async deliver(spans: readonly Span[], signal: AbortSignal): Promise<Delivery> {
    try {
      return await this.#send(otlpJson(spans, this.#options.resource), signal);
    } catch (fault) {
      return { kind: "again", afterMs: null, why: fault instanceof Error ? fault.message : String(fault) };
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #send(body: string, signal: AbortSignal): Promise<Delivery> {
    const timeoutMs = this.#options.timeoutMs ?? 10_000;
    const answer = await this.#pool.request({
      method: "POST",
      path: this.#path,
      headers: {
        ...(await this.#options.headers()),
        "content-type": "application/json",
        "user-agent": "portcullis",
      },
      body,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      // The whole of it: a collector that answers byte by byte would hold up the spans behind.
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.body.dump({ limit: maxAnswerBytes });
    const status = answer.statusCode;
    if (status >= 200 && status < 300) return { kind: "taken" };
    const why = `the collector answered ${status}`;
    if (!temporary.has(status)) return { kind: "refused", why };
    return { kind: "again", afterMs: retryAfter(answer.headers["retry-after"]), why };
  }
}

/** Seconds only: a date would need the collector's clock. */
function retryAfter(header: string | readonly string[] | undefined): number | null {
  return typeof header === "string" && /^\d{1,5}$/.test(header) ? Number(header) * 1000 : null;
}
