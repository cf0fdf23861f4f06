// Splits a byte stream into server-sent events (WHATWG HTML §9.2) without changing a byte of them.

import { isUtf8 } from "node:buffer";
import { fail, ok, type Result } from "../core/result.ts";

export interface SseEvent {
  /** The event as it came, with the blank line that ends it. */
  readonly raw: Buffer;
  /** Its `data` lines joined by line feeds; null when it has none (comments, `id`, `retry`). */
  readonly data: string | null;
}

export type SseFailure = { readonly reason: "invalid" | "too_large"; readonly detail: string };

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export class SseDecoder {
  readonly #maxEventBytes: number;
  /** Bytes of the event that has not ended yet. */
  #pending: Buffer = Buffer.alloc(0);
  #first = true;

  constructor(options: { readonly maxEventBytes: number }) {
    this.#maxEventBytes = options.maxEventBytes;
  }

  /** The events that `chunk` completes. After a failure the decoder must not be used again. */
  push(chunk: Buffer): Result<readonly SseEvent[], SseFailure> {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const events: SseEvent[] = [];
    let start = 0;
    for (;;) {
      const end = endOfEvent(bytes, start, false);
      if (end === -1) break;
      const event = this.#event(bytes.subarray(start, end));
      if (!event.ok) return event;
      events.push(event.value);
      start = end;
    }
    this.#pending = bytes.subarray(start);
    return this.#pending.length > this.#maxEventBytes ? fail(tooLarge) : ok(events);
  }

  /** The event that a final carriage return completes, if any. Bytes of an unfinished event are a failure. */
  end(): Result<readonly SseEvent[], SseFailure> {
    const bytes = this.#pending;
    this.#pending = Buffer.alloc(0);
    if (bytes.length === 0) return ok([]);
    if (endOfEvent(bytes, 0, true) === bytes.length) {
      const event = this.#event(bytes);
      return event.ok ? ok([event.value]) : event;
    }
    return fail({ reason: "invalid", detail: "the stream ended within an event" });
  }

  #event(raw: Buffer): Result<SseEvent, SseFailure> {
    if (raw.length > this.#maxEventBytes) return fail(tooLarge);
    if (!isUtf8(raw)) return fail({ reason: "invalid", detail: "an event is not valid UTF-8" });
    let text = raw.toString("utf8");
    if (this.#first && text.startsWith("\ufeff")) text = text.slice(1);
    this.#first = false;
    let data: string | null = null;
    for (const line of text.split(/\r\n|\n|\r/)) {
      const value = dataOf(line);
      if (value !== null) data = data === null ? value : `${data}\n${value}`;
    }
    return ok({ raw, data });
  }
}

const tooLarge: SseFailure = { reason: "too_large", detail: "an event is larger than `limits.response`" };

function dataOf(line: string): string | null {
  if (line === "data") return "";
  if (!line.startsWith("data:")) return null;
  return line.startsWith("data: ") ? line.slice(6) : line.slice(5);
}

/**
 * Where the event that starts at `start` ends: behind its blank line. -1 when it is not complete. A carriage return at the
 * very end waits for the line feed that may follow it, unless nothing follows any more.
 */
function endOfEvent(bytes: Buffer, start: number, final: boolean): number {
  let lineStart = start;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte !== lineFeed && byte !== carriageReturn) continue;
    const blank = at === lineStart;
    if (byte === carriageReturn) {
      if (at + 1 === bytes.length && !final) return -1;
      if (bytes[at + 1] === lineFeed) at += 1;
    }
    if (blank) return at + 1;
    lineStart = at + 1;
  }
  return -1;
}
