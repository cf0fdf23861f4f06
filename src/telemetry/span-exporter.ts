// Spans on their way to a collector. Nobody waits for it: what does not fit into the queue, or what the collector does not
// take after a few tries, is dropped and counted.

import type { Span } from "./span.ts";

/** What became of a batch: taken, to be tried again (in so many milliseconds, where the collector says), or refused. */
export type Delivery =
  | { readonly kind: "taken" }
  | { readonly kind: "again"; readonly afterMs: number | null; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

/** Rejects never. */
export type Deliver = (spans: readonly Span[], signal: AbortSignal) => Promise<Delivery>;

export interface SpanExporterOptions {
  readonly deliver: Deliver;
  /** Told when spans begin to be dropped, and when the collector takes them again. */
  readonly onTrouble: (why: string | null) => void;
  readonly queueSize?: number;
  readonly batchSize?: number;
  readonly intervalMs?: number;
  readonly retryMs?: number;
}

const maxTries = 4;
/** For what is left at the end. */
const closingMs = 3000;

export class SpanExporter {
  readonly #options: Required<SpanExporterOptions>;
  readonly #ending = new AbortController();
  #queue: Span[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #exported = 0;
  #dropped = 0;
  #trouble: string | null = null;

  constructor(options: SpanExporterOptions) {
    this.#options = { queueSize: 4096, batchSize: 512, intervalMs: 1000, retryMs: 1000, ...options };
  }

  get exported(): number {
    return this.#exported;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Takes the spans of one call, as far as there is room. Costs a push. */
  add(spans: readonly Span[]): void {
    for (const span of spans) {
      if (this.#queue.length < this.#options.queueSize) this.#queue.push(span);
      else this.#dropped += 1;
    }
    if (this.#sending !== null) return;
    if (this.#queue.length >= this.#options.batchSize) this.#send();
    else this.#schedule();
  }

  /** Sends what is left, for at most a few seconds. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#ending.abort(), closingMs);
    while (this.#queue.length > 0 || this.#sending !== null) {
      this.#send();
      await this.#sending;
    }
    clearTimeout(timer);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer !== null || this.#queue.length === 0) return;
    this.#timer = setTimeout(() => this.#send(), this.#options.intervalMs);
    this.#timer.unref();
  }

  #send(): void {
    if (this.#sending !== null || this.#queue.length === 0) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const batch = this.#queue.splice(0, this.#options.batchSize);
    this.#sending = this.#sendBatch(batch).finally(() => {
      this.#sending = null;
      if (this.#queue.length >= this.#options.batchSize) this.#send();
      else this.#schedule();
    });
  }

  async #sendBatch(batch: readonly Span[]): Promise<void> {
    const { signal } = this.#ending;
    let why = "the gateway is ending";
    for (let tries = 1; tries <= maxTries && !signal.aborted; tries += 1) {
      const delivery = await this.#options.deliver(batch, signal);
      if (delivery.kind === "taken") {
        this.#exported += batch.length;
        return this.#tell(null);
      }
      why = delivery.why;
      this.#tell(why);
      if (delivery.kind === "refused") break;
      if (tries < maxTries) await this.#pause(delivery.afterMs ?? this.#options.retryMs * 2 ** (tries - 1));
    }
    this.#dropped += batch.length;
  }

  /** Spread, so that many gateways do not come back to a collector at once. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#ending;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 30_000) * (0.75 + Math.random() / 2));
      timer.unref();
      signal.addEventListener("abort", done, { once: true });
      if (signal.aborted) done();
    });
  }

  #tell(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }
}
