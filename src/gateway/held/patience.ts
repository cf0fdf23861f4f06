// How long a client can wait: what it says, or what nearly all of them can.

import type { RequestHeaders } from "../call.ts";
import type { HeartbeatTimes } from "./heartbeat.ts";

/** Part of a client's time that is left for the answer to reach it. */
const margin = 0.05;
/** Of the time that a client bears silence, what may be over before it hears something. */
const silentPart = 0.5;

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

/**
 * When an answer is opened and kept alive: sooner than usual for a client that gives up when it has heard nothing for a while.
 * OpenAI's SDKs wait that long for the head of a stream (JavaScript), or for anything at all (Python).
 */
export function beatTimes(
  { headers }: { readonly headers: RequestHeaders },
  stream: boolean,
  { commitMs, beatMs }: HeartbeatTimes,
): HeartbeatTimes {
  const silent = seconds(headers["x-stainless-read-timeout"]);
  const untilHead = stream ? seconds(headers["x-stainless-timeout"]) : null;
  const most = Math.min(silent ?? Infinity, untilHead ?? Infinity) * 1000 * silentPart;
  return {
    commitMs: Math.min(commitMs, most),
    beatMs: silent === null ? beatMs : Math.min(beatMs, silent * 1000 * silentPart),
  };
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
