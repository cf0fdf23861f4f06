// Chat requests for tests: parsed as the gateway parses them, and what is described or refused of them.

import assert from "node:assert/strict";
import type { Refusal } from "../core/refusal.ts";
import { parseStrictJson } from "../core/strict-json.ts";
import { type ChatRequest, parseChatRequest } from "./chat-request.ts";
import { labelsOf } from "./labels.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const hello = [{ role: "user", content: "hello" }];

/** `body` is what is serialised, or the text itself. */
export function parseChat(body: unknown) {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const json = parseStrictJson(bytes, 64);
  assert.ok(json.ok, JSON.stringify(json));
  return parseChatRequest(json.value, bytes);
}

function read(fields: Fields) {
  const parsed = parseChat({ model: "fast", messages: hello, ...fields });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

export function described(fields: Fields): ChatRequest {
  return read(fields).request;
}

export async function labels(fields: Fields): Promise<readonly string[]> {
  return await labelsOf(read(fields).texts);
}

export function refused(fields: Fields): Refusal {
  const parsed = parseChat({ model: "fast", messages: hello, ...fields });
  assert.ok(!parsed.ok, `it should have been refused: ${JSON.stringify(fields).slice(0, 200)}`);
  return parsed.failure;
}

/** Reason and, where there is one, the field. */
export function why(fields: Fields): string {
  const refusal = refused(fields);
  return refusal.reason === "invalid_request" ? `invalid ${refusal.param}` : refusal.reason;
}

/** One message of a user, of these parts. */
export const content = (...parts: readonly unknown[]) => ({ messages: [{ role: "user", content: parts }] });

/** A tool as it is offered. */
export const fn = (name: string) => ({ type: "function", function: { name, parameters: {} } });
