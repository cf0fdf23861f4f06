// How long a client can wait: what it says, or what nearly all of them can.

import type { RequestHeaders } from "../call.ts";

/** Part of a client's time that is left for the answer to reach it. */
const margin = 0.05;

/** Milliseconds that are left since the call arrived. */
export function waitLeftMs(
  call: { readonly headers: RequestHeaders; readonly arrivedAt: number },
  stream: boolean,
  waitMs: number,
  now: number,
): number {
  const stated =
    seconds(call.headers["x-portcullis-timeout"]) ??
    // OpenAI's SDKs say after how long they give up. On a stream that is from one event to the next, which heartbeats serve.
    (stream ? null : seconds(call.headers["x-stainless-timeout"]));
  if (prefersAsync(call)) return 0;
  const whole = stated === null ? waitMs : Math.min(waitMs, stated * 1000 * (1 - margin));
  return Math.max(0, whole - (now - call.arrivedAt));
}

/** Whether the client asks not to wait on this connection (RFC 7240 §4.1). */
export function prefersAsync({ headers }: { readonly headers: RequestHeaders }): boolean {
  const stated = headers["prefer"] ?? [];
  const lines = typeof stated === "string" ? [stated] : stated;
  return lines.some((line) =>
    line.split(/[,;]/).some((part) => part.trim().toLowerCase() === "respond-async"),
  );
}

function seconds(header: RequestHeaders[string]): number | null {
  const text = typeof header === "string" ? header : header?.[0];
  if (text === undefined || !/^\d{1,7}(?:\.\d{1,3})?$/.test(text)) return null;
  const value = Number(text);
  return value > 0 ? value : null;
}
