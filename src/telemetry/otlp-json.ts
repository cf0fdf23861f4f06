// Spans as OTLP over HTTP has them in JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in
// hexadecimal digits, 64-bit numbers as text, enumerations as numbers.

import type { AttributeValue, Span } from "./span.ts";

export interface Resource {
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly instance: string;
}

export function otlpJson(spans: readonly Span[], resource: Resource): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributes({
            "service.name": resource.serviceName,
            "service.version": resource.serviceVersion,
            "service.instance.id": resource.instance,
          }),
        },
        scopeSpans: [
          { scope: { name: "portcullis", version: resource.serviceVersion }, spans: spans.map(encoded) },
        ],
      },
    ],
  });
}

const statusError = 2;

function encoded(span: Span): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nanoseconds(span.start),
    endTimeUnixNano: nanoseconds(Math.max(span.start, span.end)),
    attributes: attributes(
      span.error === null ? span.attributes : { ...span.attributes, "error.type": span.error },
    ),
    status: span.error === null ? {} : { code: statusError },
  };
}

/** A double holds microseconds since the epoch and no finer. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}

function attributes(values: Readonly<Record<string, AttributeValue>>): readonly object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: encodedValue(value) }));
}

function encodedValue(value: AttributeValue): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
  }
}
