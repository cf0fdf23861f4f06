// One span, as it is handed to the exporter: plain data, ended.

export type AttributeValue = string | number | boolean | readonly string[];

/** OTLP's numbers for who calls whom. */
export const spanKind = { internal: 1, server: 2, client: 3 } as const;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for the first of a trace. */
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: (typeof spanKind)[keyof typeof spanKind];
  /** Milliseconds since the epoch, with fractions. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** What went wrong, as a class and never in somebody's words; null when nothing did. */
  readonly error: string | null;
}
