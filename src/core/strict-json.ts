// JSON read in the one way that nobody can read differently: what JSON.parse lets pass and others read in their own way
// (duplicate keys, invalid UTF-8, lone surrogates, numbers beyond a double, depth) is refused.

import { isAscii, isUtf8 } from "node:buffer";
import { JsonScan, type JsonSpan, type ScanOptions } from "./json-scan.ts";
import type { JsonFaultKind } from "./json-tokens.ts";
import { fail, ok, type Result } from "./result.ts";

export interface StrictJson {
  /** As JSON.parse gives it: a key `__proto__` is an own property like any other. */
  readonly value: unknown;
  /** Byte spans of the values of the top-level members; null when the document is not an object. */
  readonly members: ReadonlyMap<string, JsonSpan> | null;
}

export interface StrictJsonFailure {
  readonly kind: JsonFaultKind | "utf8";
  /** What is wrong, in words. Quotes nothing but a duplicate key. */
  readonly detail: string;
  /** Where: in bytes, or for a text in UTF-16 code units. */
  readonly offset: number;
}

export function parseStrictJson(bytes: Buffer, maxDepth: number): Result<StrictJson, StrictJsonFailure> {
  if (!isUtf8(bytes)) {
    return fail({ kind: "utf8", detail: "it is not valid UTF-8", offset: firstInvalidByte(bytes) });
  }
  const latin1 = bytes.toString("latin1");
  const text = isAscii(bytes) ? latin1 : bytes.toString("utf8");
  return parseScanned(latin1, text, { maxDepth, numbers: "finite", bytes: true, thorough: false });
}

/**
 * The same for text that is in memory already, such as an event of a stream or a tool call's arguments. With `exact`
 * numbers it is I-JSON (RFC 7493).
 */
export function parseStrictJsonText(
  text: string,
  maxDepth: number,
  numbers: ScanOptions["numbers"] = "finite",
): Result<unknown, StrictJsonFailure> {
  if (!text.isWellFormed()) {
    return fail({
      kind: "lone_surrogate",
      detail: "it holds a lone surrogate",
      offset: firstLoneSurrogate(text),
    });
  }
  const parsed = parseScanned(text, text, { maxDepth, numbers, bytes: false, thorough: false });
  return parsed.ok ? ok(parsed.value.value) : parsed;
}

/** `scanned` and `text` are the same document, which may be written as bytes in the first. */
function parseScanned(
  scanned: string,
  text: string,
  options: ScanOptions,
): Result<StrictJson, StrictJsonFailure> {
  const scan = new JsonScan(scanned, options);
  const fault = scan.run();
  if (fault !== null) return fail(fault);
  const value = parsedJson(text);
  // A duplicate key is one that JSON.parse has dropped: comparing the counts is far cheaper than comparing the keys.
  if (value !== undefined && countKeys(value) === scan.keyCount) return ok({ value, members: scan.members });
  const named = new JsonScan(scanned, { ...options, thorough: true }).run();
  return fail(named ?? { kind: "syntax", detail: "it is not valid JSON", offset: 0 });
}

/** Undefined when it is not JSON. V8's message is dropped: it quotes the document, which may hold anything. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of all objects in it. `for in` because it costs a fraction of Object.values; what it inherits would be a mismatch. */
function countKeys(root: unknown): number {
  const waiting: unknown[] = [root];
  let count = 0;
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    if (Array.isArray(holder)) {
      for (const item of holder) if (typeof item === "object" && item !== null) waiting.push(item);
    } else if (isObject(holder)) {
      for (const key in holder) {
        count += 1;
        const item = holder[key];
        if (typeof item === "object" && item !== null) waiting.push(item);
      }
    }
  }
  return count;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Decoding replaces what is invalid, so the first byte that encoding again does not give back is it. */
function firstInvalidByte(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString("utf8"), "utf8");
  let at = 0;
  while (at < bytes.length && bytes[at] === again[at]) at += 1;
  return at;
}

function firstLoneSurrogate(text: string): number {
  const repaired = text.toWellFormed();
  let at = 0;
  while (at < text.length && text.charCodeAt(at) === repaired.charCodeAt(at)) at += 1;
  return at;
}
