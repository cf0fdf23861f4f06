// What goes between the gateway's thread and the one that writes: jobs there, results back.

import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { OperatorError } from "../../core/operator-error.ts";
import type { PackedEntries } from "./packed-entries.ts";
import type { WriteSide } from "./write-side.ts";

/** A method of the write side that is to be called; an append by its packed entries, because there are two to a call. */
export type Job =
  | { readonly store: keyof WriteSide; readonly method: string; readonly values: readonly unknown[] }
  | { readonly append: PackedEntries };

export type ToWriter =
  | { readonly kind: "run"; readonly jobs: readonly Job[] }
  | { readonly kind: "stop"; readonly why: string }
  | { readonly kind: "close" };

/** In the order of the jobs. */
export type FromWriter = readonly JobResult[];

export type JobResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: PlainFault };

interface PlainFault {
  readonly kind: "fenced" | "unavailable" | "operator" | "type" | "other";
  readonly message: string;
  /** What caused it, in words. */
  readonly cause: string | null;
}

/**
 * The value with bytes of its own: a message takes the whole memory that bytes are a view of, and small ones share theirs
 * with whatever else the process holds.
 */
export function detached(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(detached);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, detached(member)]));
}

export function plainFault(fault: unknown): PlainFault {
  if (!(fault instanceof Error)) return { kind: "other", message: String(fault), cause: null };
  const cause = fault.cause instanceof Error ? fault.cause.message : null;
  return { kind: kindOf(fault), message: fault.message, cause };
}

function kindOf(fault: Error): PlainFault["kind"] {
  if (fault instanceof FencedError) return "fenced";
  if (fault instanceof LogUnavailableError) return "unavailable";
  if (fault instanceof OperatorError) return "operator";
  return fault instanceof TypeError ? "type" : "other";
}

export function faultOf({ kind, message, cause }: PlainFault): Error {
  const options = cause === null ? {} : { cause: new Error(cause) };
  switch (kind) {
    case "fenced":
      return new FencedError(message, options);
    case "unavailable":
      return new LogUnavailableError(message, options);
    case "operator":
      return new OperatorError(message, options);
    case "type":
      return new TypeError(message, options);
    case "other":
      return new Error(message, options);
  }
}
