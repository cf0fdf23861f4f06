// W3C Trace Context (https://www.w3.org/TR/trace-context/): where a call stands in a trace that somebody else began.

import { randomFillSync } from "node:crypto";
import { ownText } from "../core/own-text.ts";

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Versions to come may have more behind the flags; `ff` is none (§3.2.2). */
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Null for what is no `traceparent`: then a new trace begins (§4.3). */
export function parseTraceparent(header: string | null): TraceContext | null {
  const [, version, traceId = "", spanId = "", flags = "", more] = pattern.exec(header ?? "") ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  // Spans wait for a collector long after the header is gone, and what is behind the flags has any length.
  return {
    traceId: ownText(traceId),
    spanId: ownText(spanId),
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
  };
}

export function traceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

export function newTraceId(): string {
  return randomHex(16);
}

export function newSpanId(): string {
  return randomHex(8);
}

/** Fetched in one piece for many ids: asking for each costs several µs. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}
