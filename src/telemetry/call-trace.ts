// The trace of one call: a span for the call, with children for deciding, recording and each request to a provider. It
// holds names, numbers and classes, and nothing of what was asked or answered.

import { type AttributeValue, type Span, spanKind } from "./span.ts";
import { newSpanId, type TraceContext, traceparent } from "./trace-context.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

export interface CallTraceStart {
  readonly context: TraceContext;
  /** The caller's span; null when the trace begins here. */
  readonly parentSpanId: string | null;
  /** `performance.now()` when the call arrived. */
  readonly arrivedAt: number;
}

/** More children than a call ever has; beyond it something goes round in circles. */
const maxChildren = 128;

interface OpenRequest {
  readonly spanId: string;
  readonly name: string;
  readonly from: number;
  readonly attributes: Attributes;
  until: number | null;
  error: string | null;
}

export class CallTrace {
  readonly #start: CallTraceStart;
  readonly #emit: (spans: readonly Span[]) => void;
  readonly #children: Span[] = [];
  /** What to add to a time of `performance.now()`: taken anew for each call, because the clock is set while we run. */
  readonly #origin = Date.now() - performance.now();
  #request: OpenRequest | null = null;
  #ended = false;

  /** `emit` gets all spans at once, when the call ends. */
  constructor(start: CallTraceStart, emit: (spans: readonly Span[]) => void) {
    this.#start = start;
    this.#emit = emit;
  }

  /** A step that is over; times are those of `performance.now()`. */
  step(name: string, from: number, until: number, attributes: Attributes, error: string | null = null): void {
    if (this.#ended || this.#children.length >= maxChildren) return;
    this.#children.push(
      this.#span({ spanId: newSpanId(), name, from, until, attributes, error }, spanKind.internal),
    );
  }

  /** A request leaves; the one before is over. */
  leave(name: string, attributes: Attributes): void {
    this.#closeRequest();
    const from = performance.now();
    this.#request = { spanId: newSpanId(), name, from, attributes, until: null, error: null };
  }

  /** So far its answer has come; it may be told again when more of it has. */
  returned(error: string | null): void {
    if (this.#request === null) return;
    this.#request.until = performance.now();
    this.#request.error = error;
  }

  /** What the request under way tells its provider about the trace. */
  get traceparent(): string {
    const { context } = this.#start;
    return traceparent({ ...context, spanId: this.#request?.spanId ?? context.spanId });
  }

  /** Once; a second time nothing happens. */
  end(name: string, attributes: Attributes, error: string | null): void {
    if (this.#ended) return;
    this.#closeRequest();
    this.#ended = true;
    const { context, parentSpanId, arrivedAt: from } = this.#start;
    const call = { spanId: context.spanId, name, from, until: performance.now(), attributes, error };
    this.#emit([{ ...this.#span(call, spanKind.server), parentSpanId }, ...this.#children]);
  }

  #closeRequest(): void {
    const open = this.#request;
    this.#request = null;
    if (open === null || this.#children.length >= maxChildren) return;
    this.#children.push(this.#span({ ...open, until: open.until ?? performance.now() }, spanKind.client));
  }

  #span(
    one: {
      readonly spanId: string;
      readonly name: string;
      readonly from: number;
      readonly until: number;
      readonly attributes: Attributes;
      readonly error: string | null;
    },
    kind: Span["kind"],
  ): Span {
    const { context } = this.#start;
    return {
      traceId: context.traceId,
      spanId: one.spanId,
      parentSpanId: context.spanId,
      name: one.name,
      kind,
      start: this.#origin + one.from,
      end: this.#origin + one.until,
      attributes: one.attributes,
      error: one.error,
    };
  }
}
