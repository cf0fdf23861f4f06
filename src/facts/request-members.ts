// Members that chat and embeddings requests share, validated as far as they are described or recorded.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import type { StrictJson } from "../core/strict-json.ts";
import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { invalid, undescribable } from "./request-refusal.ts";

const maxModelLength = 256;
const maxUserLength = 512;

export function requestObject(json: StrictJson): Result<JsonObject, Refusal> {
  return isObject(json.value) ? ok(json.value) : invalid(null, "the request body must be a JSON object");
}

export function requestedModel(body: JsonObject): Result<string, Refusal> {
  const model = member(body, "model");
  if (typeof model !== "string" || model === "") return invalid("model", "`model` must name a model");
  if (model.length > maxModelLength || !/^[\x21-\x7e]+$/.test(model)) {
    return undescribable(
      `\`model\` must be at most ${maxModelLength} printable ASCII characters without spaces`,
    );
  }
  return ok(model);
}

/** The `user` field: what the client says, never a proof of who somebody is. */
export function assertedUser(body: JsonObject): Result<string | null, Refusal> {
  const user = member(body, "user");
  if (isAbsent(user) || user === "") return ok(null);
  if (typeof user !== "string") return invalid("user", "`user` must be a string");
  if (user.length > maxUserLength) {
    return undescribable(`\`user\` must be at most ${maxUserLength} characters`);
  }
  return ok(user);
}

export function optionalBoolean(body: JsonObject, key: string): Result<boolean, Refusal> {
  const value = member(body, key);
  if (isAbsent(value)) return ok(false);
  return typeof value === "boolean" ? ok(value) : invalid(key, `\`${key}\` must be true or false`);
}

/** A count within what a double holds exactly, or null. */
export function optionalCount(body: JsonObject, key: string): Result<number | null, Refusal> {
  const value = member(body, key);
  if (isAbsent(value)) return ok(null);
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return ok(value);
  return invalid(key, `\`${key}\` must be a whole number from 0 to 2^53-1`);
}
