// The messages of a chat request, read as far as facts need: how many, what kinds of content, and their text.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { foldedMember } from "./folded-member.ts";
import { eachString, isAbsent, isObject, isStructured, type JsonObject, member } from "./json-shape.ts";
import { addImages, addMedium } from "./media-text.ts";
import { type ContentReading, emptyReading, readContent, readText } from "./message-content.ts";
import { invalid } from "./request-refusal.ts";
import { foldedToolCall } from "./tool-calls-sent.ts";

export interface MessageFacts extends Readonly<ContentReading> {
  readonly count: number;
  /** `message_field:<name>` for each structured message member that is not known: a provider may act on it. */
  readonly features: readonly string[];
}

const roles: ReadonlySet<unknown> = new Set(["system", "developer", "user", "assistant", "tool", "function"]);

/** Structured members that only repeat what a model said or thought, or that say what may be cached. */
const knownStructures: ReadonlySet<string> = new Set([
  "annotations",
  "audio",
  "cache_control",
  "content",
  "function_call",
  "reasoning_details",
  "thinking_blocks",
  "tool_calls",
]);

/** And these where they are what an assistant has answered, sent back to it: from a user they are something new. */
const sentBack: ReadonlySet<string> = new Set(["extra_content", "images"]);

const messageMembers: ReadonlySet<string> = new Set([
  ...knownStructures,
  ...sentBack,
  "name",
  "prefix",
  "reasoning",
  "reasoning_content",
  "refusal",
  "role",
  "tool_call_id",
]);

export function readMessages(messages: unknown): Result<MessageFacts, Refusal> {
  if (!Array.isArray(messages) || messages.length === 0) {
    return invalid("messages", "`messages` must be an array with at least one message");
  }
  const reading = emptyReading();
  const features = new Set<string>();
  for (const [position, message] of messages.entries()) {
    const read = readMessage(reading, features, message, position);
    if (!read.ok) return read;
  }
  return ok({ ...reading, count: messages.length, features: [...features] });
}

function readMessage(
  reading: ContentReading,
  features: Set<string>,
  message: unknown,
  position: number,
): Result<null, Refusal> {
  const at = `messages.${position}`;
  if (!isObject(message)) return invalid(at, `\`${at}\` must be an object`);
  const folded =
    foldedMember(message, messageMembers, at) ??
    foldedToolCall(member(message, "tool_calls"), member(message, "function_call"), at);
  if (folded !== null) return folded;
  if (!roles.has(member(message, "role"))) {
    const known = [...roles].join(", ");
    return invalid(`${at}.role`, `\`${at}.role\` must be one of ${known}`);
  }
  const content = readContent(reading, member(message, "content"), position);
  if (!content.ok) return content;
  readMembers(reading, features, message);
  return ok(null);
}

/** Everything besides role and content: all of its text goes to the model, or to whoever reads the field. */
function readMembers(reading: ContentReading, features: Set<string>, message: JsonObject): void {
  for (const key in message) {
    const value = message[key];
    if (key === "role" || key === "content" || isAbsent(value)) continue;
    if (!messageMembers.has(key)) reading.texts.add(key);
    if (isStructured(value) && !isInert(message, key, value)) features.add(`message_field:${key}`);
    readMember(reading, key, value);
  }
}

function readMember(reading: ContentReading, key: string, value: unknown): void {
  switch (key) {
    case "audio":
      reading.audios += 1;
      return addMedium(reading.texts, value);
    case "images":
      reading.images += Array.isArray(value) ? value.length : 1;
      return addImages(reading.texts, value);
    case "tool_calls":
    case "function_call":
      // Arguments are JSON within JSON: what they say may be spelled with escapes.
      return eachString(value, (text) => {
        reading.textBytes += Buffer.byteLength(text);
        reading.texts.addJson(text);
      });
    default:
      if (typeof value === "string") readText(reading, value);
      else if (isStructured(value)) eachString(value, (text) => readText(reading, text));
  }
}

function isInert(message: JsonObject, key: string, value: unknown): boolean {
  if (knownStructures.has(key)) return true;
  if (!sentBack.has(key) || member(message, "role") !== "assistant") return false;
  return key !== "extra_content" || isSignature(value);
}

/** What Gemini wants back: the signature of a thought. Nothing else in there is known to be harmless. */
function isSignature(extra: unknown): boolean {
  if (!isObject(extra)) return false;
  return Object.entries(extra).every(
    ([vendor, content]) =>
      vendor === "google" &&
      isObject(content) &&
      Object.entries(content).every(
        ([key, value]) => (key === "thought_signature" || key === "thought") && !isStructured(value),
      ),
  );
}
