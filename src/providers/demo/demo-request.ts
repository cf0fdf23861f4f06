// What the demo model takes from a chat request, and what it refuses in OpenAI's words.

import { fail, ok, type Result } from "../../core/result.ts";
import { contentText, isObject, type JsonObject, member, objects, stringOf } from "./demo-json.ts";

export interface DemoRefusal {
  readonly message: string;
  readonly param: string | null;
}

export interface DemoTool {
  readonly name: string;
  /** JSON Schema of the arguments. */
  readonly parameters: unknown;
}

export type ToolChoice =
  | { readonly kind: "none" | "auto" | "required" }
  | { readonly kind: "named"; readonly name: string };

export type AnswerFormat =
  | { readonly kind: "text" | "json_object" }
  | { readonly kind: "json_schema"; readonly schema: unknown };

export interface DemoChatRequest {
  readonly model: string;
  readonly messages: readonly JsonObject[];
  /** Text of the last message that a user wrote. */
  readonly asked: string;
  /** What the tools answered, when their answers are the last messages; else empty. */
  readonly toolAnswers: readonly string[];
  readonly tools: readonly DemoTool[];
  /** Tools come as `functions`, the form before `tools`. */
  readonly legacy: boolean;
  readonly toolChoice: ToolChoice;
  readonly parallel: boolean;
  readonly format: AnswerFormat;
  readonly n: number;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

const maxChoices = 16;

export function readDemoChatRequest(body: JsonObject): Result<DemoChatRequest, DemoRefusal> {
  const messages = objects(member(body, "messages"));
  if (messages.length === 0) {
    return fail({ message: "`messages` must hold at least one message", param: "messages" });
  }
  const n = member(body, "n") ?? 1;
  if (!isPositiveInteger(n) || n > maxChoices) {
    return fail({ message: `\`n\` must be an integer from 1 to ${maxChoices}`, param: "n" });
  }
  const limit = member(body, "max_completion_tokens") ?? member(body, "max_tokens");
  const maxTokens = limit ?? Number.MAX_SAFE_INTEGER;
  if (!isPositiveInteger(maxTokens)) {
    return fail({ message: "`max_tokens` must be a positive integer", param: "max_tokens" });
  }
  const functions = objects(member(body, "functions"));
  const legacy = functions.length > 0;
  const definitions = legacy
    ? functions
    : objects(member(body, "tools")).map((tool) => member(tool, "function"));
  const last = messages.findLast((message) => member(message, "role") === "user");
  return ok({
    model: stringOf(member(body, "model")) ?? "",
    messages,
    asked: contentText(member(last, "content")),
    toolAnswers: toolAnswers(messages),
    tools: definitions.flatMap(readTool),
    legacy,
    toolChoice: toolChoice(member(body, legacy ? "function_call" : "tool_choice")),
    parallel: !legacy && member(body, "parallel_tool_calls") !== false,
    format: answerFormat(member(body, "response_format")),
    n,
    maxTokens,
    stream: member(body, "stream") === true,
    includeUsage: member(member(body, "stream_options"), "include_usage") === true,
  });
}

function isPositiveInteger(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function toolAnswers(messages: readonly JsonObject[]): readonly string[] {
  const before = messages.findLastIndex((message) => {
    const role = member(message, "role");
    return role !== "tool" && role !== "function";
  });
  return messages.slice(before + 1).map((message) => contentText(member(message, "content")));
}

function readTool(definition: unknown): readonly DemoTool[] {
  const name = stringOf(member(definition, "name"));
  return name === null || name === "" ? [] : [{ name, parameters: member(definition, "parameters") }];
}

function toolChoice(written: unknown): ToolChoice {
  if (written === "none" || written === "required") return { kind: written };
  const name = stringOf(member(member(written, "function"), "name")) ?? stringOf(member(written, "name"));
  return name === null ? { kind: "auto" } : { kind: "named", name };
}

function answerFormat(written: unknown): AnswerFormat {
  if (!isObject(written)) return { kind: "text" };
  switch (member(written, "type")) {
    case "json_object":
      return { kind: "json_object" };
    case "json_schema":
      return { kind: "json_schema", schema: member(member(written, "json_schema"), "schema") };
    default:
      return { kind: "text" };
  }
}
