// The messages of a chat request, read as far as facts need: how many, what kinds of content, and their text.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { detectInArguments } from "./detectors.ts";
import { eachString, isAbsent, isObject, isStructured, type JsonObject, member } from "./json-shape.ts";
import { type ContentReading, emptyReading, readContent, readText } from "./message-content.ts";
import { invalid } from "./request-refusal.ts";

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
  if (!isObject(message)) {
    return invalid(`messages.${position}`, `\`messages.${position}\` must be an object`);
  }
  if (!roles.has(member(message, "role"))) {
    const known = [...roles].join(", ");
    return invalid(`messages.${position}.role`, `\`messages.${position}.role\` must be one of ${known}`);
  }
  const content = readContent(reading, member(message, "content"), position);
  if (!content.ok) return content;
  readMembers(reading, features, message);
  return ok(null);
}

/** Everything besides role and content: all of its text goes to the model, or to whoever reads the field. */
function readMembers(reading: ContentReading, features: Set<string>, message: JsonObject): void {
  for (const [key, value] of Object.entries(message)) {
    if (key === "role" || key === "content" || isAbsent(value)) continue;
    if (key === "audio") reading.audios += 1;
    if (isStructured(value) && !knownStructures.has(key)) features.add(`message_field:${key}`);
    if (key === "tool_calls" || key === "function_call") readProposals(reading, value);
    else eachString(value, (text) => readText(reading, text));
  }
}

/** Arguments are JSON within JSON: what they say may be spelled with escapes. */
function readProposals(reading: ContentReading, proposals: unknown): void {
  eachString(proposals, (text) => {
    reading.textBytes += Buffer.byteLength(text);
    detectInArguments(text, reading.labels);
  });
}
