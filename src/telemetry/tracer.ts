// Begins traces: continues what a client has begun, and chooses which others are worth following.

import { CallTrace } from "./call-trace.ts";
import type { Span } from "./span.ts";
import { newSpanId, newTraceId, parseTraceparent } from "./trace-context.ts";

export interface TracerOptions {
  /** Of the traces that begin here, 0 to 1. One that a client has begun is followed if the client's is. */
  readonly ratio: number;
  readonly emit: (spans: readonly Span[]) => void;
}

export class Tracer {
  readonly #options: TracerOptions;

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  /** Null for a call that is not followed. */
  begin(traceparent: string | null, arrivedAt: number): CallTrace | null {
    const parent = parseTraceparent(traceparent);
    const chosen = parent === null ? Math.random() < this.#options.ratio : parent.sampled;
    if (!chosen) return null;
    const traceId = parent?.traceId ?? newTraceId();
    const context = { traceId, spanId: newSpanId(), sampled: true };
    return new CallTrace({ context, parentSpanId: parent?.spanId ?? null, arrivedAt }, this.#options.emit);
  }
}
