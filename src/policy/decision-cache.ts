// Decisions that were taken before, under a key of everything they rested on. One cache belongs to one revision.

import { hash } from "node:crypto";
import { ownText } from "../core/own-text.ts";
import { actionOf } from "./cedar-request.ts";
import { clockFacts } from "./context-facts.ts";
import type { CounterUse } from "./counter-uses.ts";
import { type Decision, type DecisionRequest, isModelRequest } from "./decision.ts";
import type { Slice } from "./slice.ts";

const longestKey = 512;

export class DecisionCache {
  readonly #limit: number;
  readonly #decisions = new Map<string, Decision>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#decisions.size;
  }

  get(key: string): Decision | undefined {
    const decision = this.#decisions.get(key);
    if (decision === undefined) return undefined;
    // A Map iterates in insertion order, so putting it in again makes it the newest.
    this.#decisions.delete(key);
    this.#decisions.set(key, decision);
    return decision;
  }

  /** An error is not kept, nor a shadow's: what failed once is asked again. */
  set(key: string, decision: Decision): void {
    if (decision.error !== null || (decision.shadow !== null && decision.shadow.error !== null)) return;
    // As it was put together it would take up some hundred bytes for each fact, and each item of a list.
    this.#decisions.set(ownText(key), decision);
    if (this.#decisions.size <= this.#limit) return;
    const [oldest] = this.#decisions.keys();
    if (oldest !== undefined) this.#decisions.delete(oldest);
  }
}

/**
 * Equal only for requests that differ in nothing but facts that the slice does not read, and counters within the same of
 * its thresholds. Null when a fact is not of a type that can be told apart, which leaves the request to the evaluator; so it
 * is for votes, which are few.
 */
export function cacheKey(request: DecisionRequest, slice: Pick<Slice, "reads" | "counters">): string | null {
  if (request.action === "approve") return null;
  const resource = request.action === "call_tool" ? request.tool : request.model;
  let key = part(actionOf(request)) + part(request.principal.id) + part(resource);
  for (const name of slice.reads) {
    const value = partOf(factOf(request, name));
    if (value === null) return null;
    key += value;
  }
  for (const counter of slice.counters) {
    const value = partOfCounter(request, counter);
    if (value === null) return null;
    key += value;
  }
  // The hash bounds what a client's longest strings can make us keep.
  return key.length <= longestKey ? key : hash("sha256", key, "base64");
}

function factOf(request: DecisionRequest, name: string): unknown {
  if (name === "hour" || name === "weekday") return clockFacts[name](request.context.time);
  return Reflect.get(request.context, name);
}

/** Which thresholds the counter has passed, and whether it is at one. */
function partOfCounter(request: DecisionRequest, { path, thresholds }: CounterUse): string | null {
  const value = isModelRequest(request) ? request.context.counters?.[path] : null;
  if (value === undefined) return null;
  if (value === null) return "u";
  let passed = 0;
  for (const threshold of thresholds) {
    if (value === threshold) return `=${passed};`;
    if (value > threshold) passed += 1;
  }
  return `${passed};`;
}

function partOf(value: unknown): string | null {
  if (typeof value === "string") return part(value);
  if (typeof value === "number") return `n${value};`;
  if (typeof value === "boolean") return value ? "t" : "f";
  if (value === undefined) return "u";
  return Array.isArray(value) ? partOfList(value) : null;
}

function partOfList(values: readonly unknown[]): string | null {
  let key = `[${values.length};`;
  for (const value of values) {
    if (typeof value !== "string") return null;
    key += part(value);
  }
  return key;
}

// The length in front makes it impossible to write one string so that it reads as two.
function part(text: string): string {
  return `${text.length}:${text}`;
}
