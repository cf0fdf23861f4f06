// The most tokens an answer may have, under whatever name it is asked for.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { isAbsent, type JsonObject, member } from "./json-shape.ts";
import { outputLimitFields } from "./known-fields.ts";
import { invalid } from "./request-refusal.ts";

/**
 * Null without a limit. With several names present the largest counts, because a provider may honour any of them; -1 is how
 * servers write that there is none, and to some of them 0 is another way to say so.
 */
export function readOutputLimit(body: JsonObject): Result<number | null, Refusal> {
  let limit: number | null = null;
  for (const field of outputLimitFields) {
    const value = member(body, field);
    if (isAbsent(value)) continue;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < -1) {
      return invalid(field, `\`${field}\` must be a whole number from 1 to 2^53-1, or -1 for no limit`);
    }
    limit = Math.max(limit ?? 0, value < 1 ? Number.POSITIVE_INFINITY : value);
  }
  return ok(limit === Number.POSITIVE_INFINITY ? null : limit);
}
