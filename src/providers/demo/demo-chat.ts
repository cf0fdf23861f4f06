// What the demo model says: an echo that names itself, or the tool calls that the last message asks for.

import { hash } from "node:crypto";

type JsonObject = Readonly<Record<string, unknown>>;

export type DemoAnswer =
  | { readonly kind: "whole"; readonly body: JsonObject }
  | { readonly kind: "stream"; readonly chunks: readonly JsonObject[] };

interface DemoToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** The same for every call, so that the same request has the same answer. */
const created = 1_700_000_000;

export function demoChat(request: JsonObject): DemoAnswer {
  const messages = objects(request["messages"]);
  const last = messages.at(-1);
  const asked = text(last?.["content"]);
  const calls = last?.["role"] === "tool" ? [] : toolCalls(request, asked);
  const content = calls.length > 0 ? null : reply(request, last?.["role"] === "tool", asked);
  const id = `chatcmpl-demo-${hash("sha256", JSON.stringify(request), "hex").slice(0, 24)}`;
  const naming = { id, created, model: String(request["model"]) };
  const n = typeof request["n"] === "number" ? Math.min(8, Math.max(1, request["n"])) : 1;
  const prompt_tokens = Math.ceil(JSON.stringify(messages).length / 4);
  const completion_tokens = n * Math.ceil((content ?? JSON.stringify(calls)).length / 4);
  const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
  const finish_reason = calls.length > 0 ? "tool_calls" : "stop";
  const indices = Array.from({ length: n }, (_, index) => index);
  if (request["stream"] !== true) {
    const message = { role: "assistant", content, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
    const choices = indices.map((index) => ({ index, message, logprobs: null, finish_reason }));
    return { kind: "whole", body: { ...naming, object: "chat.completion", choices, usage } };
  }
  const chunk = (index: number, delta: JsonObject, reason: string | null): JsonObject => ({
    ...naming,
    object: "chat.completion.chunk",
    choices: [{ index, delta, logprobs: null, finish_reason: reason }],
  });
  const chunks = indices.flatMap((index) => [
    chunk(index, { role: "assistant", content: calls.length > 0 ? null : "" }, null),
    ...(content === null ? [] : words(content).map((word) => chunk(index, { content: word }, null))),
    ...calls.map((call, at) => chunk(index, { tool_calls: [{ index: at, ...call }] }, null)),
    chunk(index, {}, finish_reason),
  ]);
  const options = request["stream_options"];
  if (isObject(options) && options["include_usage"] === true) {
    chunks.push({ ...naming, object: "chat.completion.chunk", choices: [], usage });
  }
  return { kind: "stream", chunks };
}

function reply(request: JsonObject, afterTool: boolean, asked: string): string {
  const format = request["response_format"];
  if (isObject(format) && format["type"] !== "text")
    return JSON.stringify({ demo: true, echo: asked.slice(0, 200) });
  const label = "This is Portcullis' built-in demo model; no real model was called.";
  return afterTool
    ? `${label} The tool answered: ${asked.slice(0, 500)}`
    : `${label} You said: ${asked.slice(0, 500)}`;
}

/** The offered tools whose names, or all words of them, the message mentions. */
function toolCalls(request: JsonObject, asked: string): readonly DemoToolCall[] {
  const spoken = asked.toLowerCase();
  return objects(request["tools"]).flatMap((tool) => {
    const definition = tool["function"];
    if (!isObject(definition) || typeof definition["name"] !== "string") return [];
    const name = definition["name"];
    const parts = name
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter((part) => part !== "");
    const meant =
      spoken.includes(name.toLowerCase()) ||
      parts.every((part) => spoken.includes(part) || spoken.includes(part.replace("email", "e-mail")));
    if (!meant || parts.length === 0) return [];
    const id = `call_demo_${hash("sha256", `${name} ${asked}`, "hex").slice(0, 20)}`;
    return [
      {
        id,
        type: "function" as const,
        function: { name, arguments: JSON.stringify(plausibleArguments(definition, asked)) },
      },
    ];
  });
}

function plausibleArguments(definition: JsonObject, asked: string): JsonObject {
  const parameters = definition["parameters"];
  const properties = isObject(parameters) ? parameters["properties"] : undefined;
  if (!isObject(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, plausible(name, schema, asked)]),
  );
}

function plausible(name: string, schema: unknown, asked: string): unknown {
  if (!isObject(schema)) return asked.slice(0, 200);
  const choices = schema["enum"];
  if (Array.isArray(choices)) return choices[0];
  switch (schema["type"]) {
    case "integer":
    case "number":
      return Number(/\d{1,9}/.exec(asked)?.[0] ?? 1);
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return {};
    default:
      if (/^(to|email|recipient)$/i.test(name))
        return /[^\s@<>"]+@[^\s@<>"]+\.[a-z]+/i.exec(asked)?.[0] ?? "ana@example.com";
      return asked.slice(0, 200);
  }
}

function text(content: unknown): string {
  if (typeof content === "string") return content;
  return objects(content)
    .map((part) => (typeof part["text"] === "string" ? part["text"] : ""))
    .join(" ");
}

function words(content: string): readonly string[] {
  return content.match(/\s*\S+/g) ?? [content];
}

function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
