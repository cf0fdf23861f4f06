// Members that chat and embeddings requests share, validated as far as they are described or recorded.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import type { StrictJson } from "../core/strict-json.ts";
import { foldedMember } from "./folded-member.ts";
import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { knownFields, type RequestKind } from "./known-fields.ts";
import { invalid, undescribable } from "./request-refusal.ts";
import type { Texts } from "./texts.ts";

const maxModelLength = 256;
const maxUserLength = 512;
const maxAnswers = 128;

/** What has been read of a request, and the text in it that nobody has looked at yet. */
export interface RequestReading<Request> {
  readonly request: Request;
  readonly texts: Texts;
}

export function requestObject(json: StrictJson, kind: RequestKind): Result<JsonObject, Refusal> {
  if (!isObject(json.value)) return invalid(null, "the request body must be a JSON object");
  return foldedMember(json.value, knownFields[kind].names, "") ?? ok(json.value);
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

/** How many answers are asked for: as many as OpenAI gives at most. */
export function answerCount(body: JsonObject): Result<number, Refusal> {
  const n = member(body, "n");
  if (isAbsent(n)) return ok(1);
  return typeof n === "number" && Number.isSafeInteger(n) && n >= 1 && n <= maxAnswers
    ? ok(n)
    : invalid("n", `\`n\` must be a whole number from 1 to ${maxAnswers}`);
}
