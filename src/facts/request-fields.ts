// Which request fields only shape an answer, and which make the provider act, route or keep something. The latter are
// features: each needs a permit of its own (action `use_feature`), because policy would otherwise not see them.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { isObject, isStructured, type JsonObject } from "./json-shape.ts";
import { actingFields, knownFields, type RequestKind } from "./known-fields.ts";
import { undescribable } from "./request-refusal.ts";

const maxFeatures = 64;
const maxFeatureLength = 128;

/**
 * Features of the request's own fields, in no order: a known field by its name, any other as `field:<name>`. Of fields that
 * nobody knows numbers and booleans pass: a knob that a server adds is one of these. Text, lists and objects may name
 * another model, another place or something to run.
 */
export function requestFeatures(kind: RequestKind, body: JsonObject): readonly string[] {
  const { inert } = knownFields[kind];
  const features: string[] = [];
  for (const field in body) {
    const value = body[field];
    // What is null or false asks for nothing.
    if (inert.has(field) || value === null || value === false) continue;
    if (actingFields.has(field)) {
      if (field !== "chat_template_kwargs" || !onlySwitches(value)) features.push(field);
    } else if (isStructured(value) || typeof value === "string") {
      features.push(`field:${field}`);
    }
  }
  return features;
}

/**
 * Whether arguments for the chat template only turn something on or off, such as `enable_thinking`. They are also a way to
 * another template, or to have none applied.
 */
function onlySwitches(value: unknown): boolean {
  if (!isObject(value)) return false;
  return Object.entries(value).every(
    ([key, held]) =>
      key !== "tokenize" && !isStructured(held) && (typeof held !== "string" || key === "reasoning_effort"),
  );
}

/** Each once, sorted. Every one of them costs a decision, so a request has a bounded number. */
export function boundedFeatures(features: readonly string[]): Result<readonly string[], Refusal> {
  const unique = [...new Set(features)].sort();
  if (unique.length > maxFeatures) {
    return undescribable(`it uses more than ${maxFeatures} fields and tools that make the provider act`);
  }
  const long = unique.find((feature) => feature.length > maxFeatureLength);
  return long === undefined
    ? ok(unique)
    : undescribable("it holds a field or tool type whose name is too long to be described");
}
