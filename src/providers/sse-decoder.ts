// Splits a byte stream into server-sent events (WHATWG HTML §9.2.6) and writes each anew: what goes on is the data that was
// read and nothing else, because clients differ in where a line ends and in what they skip. Every chunk of every stream
// comes through here, so each byte is looked at once however the stream is cut.

import { isUtf8 } from "node:buffer";
import { fail, ok, type Result } from "../core/result.ts";

export interface SseEvent {
  /** The event as it may go on: its data under our own framing, or a comment of ours in place of what holds none. */
  readonly raw: Buffer;
  /** Its `data` lines joined by line feeds; null when it has none that says anything (comments, `id`, `retry`). */
  readonly data: string | null;
}

export type SseFailure = { readonly reason: "invalid" | "too_large"; readonly detail: string };

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = "\ufeff";
const byteOrderMarkBytes = 3;
/** Keeps a connection open as well as whatever the upstream's comment said. */
const keepAlive = Buffer.from(": keep-alive\n\n");
const nothing = Buffer.alloc(0);
const tooLarge: SseFailure = { reason: "too_large", detail: "an event is larger than `limits.response`" };

export class SseDecoder {
  readonly #maxEventBytes: number;
  /** What earlier chunks hold of the event that has not ended: the first `#keptBytes` of a buffer that grows by doubling. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;
  /** Whether the current line has had no byte so far. */
  #lineEmpty = true;
  /** The last byte was a carriage return: a line feed that follows belongs to it. */
  #afterReturn = false;
  /** That carriage return was the blank line's, so the event ends with it or with its line feed. */
  #ending = false;
  #first = true;

  constructor(options: { readonly maxEventBytes: number }) {
    this.#maxEventBytes = options.maxEventBytes;
  }

  /** The events that `chunk` completes, in order. After a failure the decoder must not be used again. */
  push(chunk: Buffer): Result<readonly SseEvent[], SseFailure> {
    if (chunk.length === 0) return ok([]);
    const events: SseEvent[] = [];
    let at = this.#afterReturn && chunk[0] === lineFeed ? 1 : 0;
    let start = 0;
    this.#afterReturn = false;
    if (this.#ending) {
      const failure = this.#take(chunk.subarray(0, at), events);
      if (failure !== null) return fail(failure);
      start = at;
    }
    let lf = chunk.indexOf(lineFeed, at);
    let cr = chunk.indexOf(carriageReturn, at);
    while (lf !== -1 || cr !== -1) {
      const byReturn = cr !== -1 && (lf === -1 || cr < lf);
      const lineEnd = byReturn ? cr : lf;
      const blank = this.#lineEmpty && lineEnd === at;
      this.#lineEmpty = true;
      at = lineEnd + 1;
      if (byReturn && at === chunk.length) {
        this.#afterReturn = true;
        this.#ending = blank;
        break;
      }
      if (byReturn && chunk[at] === lineFeed) at += 1;
      if (blank) {
        const failure = this.#take(chunk.subarray(start, at), events);
        if (failure !== null) return fail(failure);
        start = at;
      }
      if (lf !== -1 && lf < at) lf = chunk.indexOf(lineFeed, at);
      if (cr !== -1 && cr < at) cr = chunk.indexOf(carriageReturn, at);
    }
    if (at < chunk.length) this.#lineEmpty = false;
    return this.#keep(chunk.subarray(start)) ? ok(events) : fail(tooLarge);
  }

  /** The event that a final carriage return completes, if any. Bytes of an unfinished event are a failure. */
  end(): Result<readonly SseEvent[], SseFailure> {
    if (this.#ending) {
      const events: SseEvent[] = [];
      const failure = this.#take(Buffer.alloc(0), events);
      return failure === null ? ok(events) : fail(failure);
    }
    if (this.#keptBytes === 0) return ok([]);
    return fail({ reason: "invalid", detail: "the stream ended within an event" });
  }

  /** Adds the event that `tail` ends; a failure when it may not pass. */
  #take(tail: Buffer, events: SseEvent[]): SseFailure | null {
    this.#ending = false;
    if (this.#keptBytes + tail.length > this.#maxEventBytes) return tooLarge;
    const raw = this.#keptBytes === 0 ? tail : Buffer.concat([this.#kept.subarray(0, this.#keptBytes), tail]);
    this.#keptBytes = 0;
    if (!isUtf8(raw)) return { reason: "invalid", detail: "an event is not valid UTF-8" };
    const text = raw.toString("utf8");
    const marked = this.#first && text.startsWith(byteOrderMark);
    this.#first = false;
    events.push(marked ? eventOf(raw.subarray(byteOrderMarkBytes), text.slice(1)) : eventOf(raw, text));
    return null;
  }

  /** False when the event grows beyond its limit. */
  #keep(rest: Buffer): boolean {
    const needed = this.#keptBytes + rest.length;
    if (needed > this.#maxEventBytes) return false;
    if (needed > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxEventBytes, Math.max(needed * 2, 1024)));
      this.#kept.copy(grown, 0, 0, this.#keptBytes);
      this.#kept = grown;
    }
    rest.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = needed;
    return true;
  }
}

function eventOf(raw: Buffer, text: string): SseEvent {
  // Nearly every event is one `data` line ended by two line feeds, and is passed on as it is.
  if (text.startsWith("data: ") && text.indexOf("\n") === text.length - 2 && !otherLineEnds.test(text)) {
    const data = text.slice(6, -2);
    return data === "" ? { raw: keepAlive, data: null } : { raw, data };
  }
  if (text.trim() === "") return { raw: nothing, data: null };
  const data = dataOf(text);
  return data === null || data === "" ? { raw: keepAlive, data: null } : { raw: framed(data), data };
}

/**
 * Characters that end a line for some readers (Python's `str.splitlines`, and clients built on it) and not for others: what
 * follows one would be a field to the first and text to the others. The control characters that do so too are not legal
 * in JSON, so that no event with one is passed on.
 */
const otherLineEnds = /[\r\u0085\u2028\u2029]/;
const legalInJson = /[\u0085\u2028\u2029]/g;

/** In JSON these can only stand within strings, where the escape means the same. */
function framed(data: string): Buffer {
  const escaped = data.replace(
    legalInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Buffer.from(`data: ${escaped.replaceAll("\n", "\ndata: ")}\n\n`);
}

function dataOf(text: string): string | null {
  let data: string | null = null;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const value = fieldValue(line);
    if (value !== null) data = data === null ? value : `${data}\n${value}`;
  }
  return data;
}

function fieldValue(line: string): string | null {
  if (line === "data") return "";
  if (!line.startsWith("data:")) return null;
  return line.slice(line.startsWith(" ", 5) ? 6 : 5);
}
