// What a held request says to the model, as a conversation that people can read. The table and the raw text of the request
// have all of it; this leaves out nothing that is text.

import { visibleText } from "./visible-text.ts";

export interface ShownMessage {
  readonly role: string;
  readonly text: string;
}

/** `body` is a request's; none when it has no messages. */
export function requestMessages(body: string): readonly ShownMessage[] {
  const messages = member(parsed(body), "messages");
  return list(messages).map((message) => ({
    role: visibleText(textOr(member(message, "role"), "?")),
    text: visibleText(
      [contentText(member(message, "content")), ...callTexts(message)].join("\n").trim(),
      true,
    ),
  }));
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return list(content)
    .map((part) => textOr(member(part, "text"), `[${textOr(member(part, "type"), "?")}]`))
    .join("\n");
}

function callTexts(message: unknown): readonly string[] {
  const legacy = member(message, "function_call");
  const named = list(member(message, "tool_calls")).map(
    (call) => member(call, "function") ?? member(call, "custom"),
  );
  return [...named, ...(legacy === undefined || legacy === null ? [] : [legacy])].map(
    (one) =>
      `${textOr(member(one, "name"), "?")}(${textOr(member(one, "arguments") ?? member(one, "input"), "")})`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOr(value: unknown, other: string): string {
  return typeof value === "string" ? value : other;
}
