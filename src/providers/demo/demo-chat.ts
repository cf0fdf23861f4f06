// A chat answer of the demo model, whole or in chunks, in the shapes of OpenAI's API.

import { hash } from "node:crypto";
import type { JsonObject } from "./demo-json.ts";
import { demoReply } from "./demo-reply.ts";
import type { DemoChatRequest } from "./demo-request.ts";
import { bytesPerToken, demoTokens } from "./demo-tokens.ts";
import { type DemoToolCall, demoToolCalls } from "./demo-tool-calls.ts";

export type DemoAnswer =
  | { readonly kind: "whole"; readonly body: JsonObject }
  | { readonly kind: "stream"; readonly chunks: readonly JsonObject[] };

/** What one choice says; all choices of an answer say the same. */
interface Saying {
  readonly content: string | null;
  readonly calls: readonly DemoToolCall[];
  readonly finishReason: "stop" | "length" | "tool_calls" | "function_call";
}

/** The same for every call, so that the same request has the same answer. */
const created = 1_700_000_000;

export function demoChat(request: DemoChatRequest): DemoAnswer {
  const saying = shortened(say(request), request);
  const naming = {
    id: `chatcmpl-demo-${hash("sha256", JSON.stringify(request), "hex").slice(0, 24)}`,
    object: request.stream ? "chat.completion.chunk" : "chat.completion",
    created,
    model: request.model,
    system_fingerprint: "fp_portcullis_demo",
  };
  const usage = usageOf(request, saying);
  const indices = Array.from({ length: request.n }, (_, index) => index);
  if (request.stream) return { kind: "stream", chunks: chunksOf(request, naming, indices, saying, usage) };
  const message = {
    role: "assistant",
    content: saying.content,
    refusal: null,
    ...wholeCalls(request, saying),
  };
  const finish_reason = saying.finishReason;
  const choices = indices.map((index) => ({ index, message, logprobs: null, finish_reason }));
  return { kind: "whole", body: { ...naming, choices, usage } };
}

function say(request: DemoChatRequest): Saying {
  const calls = demoToolCalls(request);
  if (calls.length === 0) return { content: demoReply(request), calls, finishReason: "stop" };
  return { content: null, calls, finishReason: request.legacy ? "function_call" : "tool_calls" };
}

/** Cut off where `max_tokens` ends, in the middle of a tool call's arguments too, as a model would be. */
function shortened(saying: Saying, request: DemoChatRequest): Saying {
  let left = request.maxTokens * bytesPerToken;
  if (sizeOf(saying) <= left) return saying;
  const cut = (text: string): string => {
    const kept = text.slice(0, left).toWellFormed();
    left = Math.max(0, left - text.length);
    return kept;
  };
  return {
    content: saying.content === null ? null : cut(saying.content),
    calls: saying.calls.map((call) => ({ ...call, arguments: cut(call.arguments) })),
    finishReason: "length",
  };
}

function wholeCalls(request: DemoChatRequest, saying: Saying): JsonObject {
  const [first] = saying.calls;
  if (first === undefined) return {};
  if (request.legacy) return { function_call: { name: first.name, arguments: first.arguments } };
  return {
    tool_calls: saying.calls.map(({ id, name, arguments: args }) => ({
      id,
      type: "function",
      function: { name, arguments: args },
    })),
  };
}

function chunksOf(
  request: DemoChatRequest,
  naming: JsonObject,
  indices: readonly number[],
  saying: Saying,
  usage: JsonObject,
): readonly JsonObject[] {
  // As OpenAI does it: with `include_usage` every chunk has the member, and an extra last one has the numbers.
  const usageMember = request.includeUsage ? { usage: null } : {};
  const chunk = (index: number, delta: JsonObject, finishReason: string | null): JsonObject => ({
    ...naming,
    choices: [{ index, delta, logprobs: null, finish_reason: finishReason }],
    ...usageMember,
  });
  const deltas: readonly JsonObject[] = [
    { role: "assistant", content: saying.content === null ? null : "" },
    ...pieces(saying.content ?? "", /\s*\S+(?:\s+\S+){0,2}|\s+/g).map((content) => ({
      content,
    })),
    ...callDeltas(request, saying),
  ];
  const chunks = deltas.flatMap((delta) => indices.map((index) => chunk(index, delta, null)));
  const last = indices.map((index) => chunk(index, {}, saying.finishReason));
  return [...chunks, ...last, ...(request.includeUsage ? [{ ...naming, choices: [], usage }] : [])];
}

/** A call's name first, then its arguments in parts. */
function callDeltas(request: DemoChatRequest, saying: Saying): readonly JsonObject[] {
  const calls = request.legacy ? saying.calls.slice(0, 1) : saying.calls;
  return calls.flatMap(({ id, name, arguments: args }, index): readonly JsonObject[] => {
    const parts = pieces(args, /.{1,24}/gsu);
    if (request.legacy) {
      return [
        { function_call: { name, arguments: "" } },
        ...parts.map((part) => ({ function_call: { arguments: part } })),
      ];
    }
    return [
      { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] },
      ...parts.map((part) => ({ tool_calls: [{ index, function: { arguments: part } }] })),
    ];
  });
}

function usageOf(request: DemoChatRequest, saying: Saying): JsonObject {
  const prompt = demoTokens(JSON.stringify([request.messages, request.tools]));
  const completion = request.n * Math.ceil(sizeOf(saying) / bytesPerToken);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function sizeOf(saying: Saying): number {
  return saying.calls.reduce((sum, call) => sum + call.arguments.length, saying.content?.length ?? 0);
}

function pieces(text: string, pattern: RegExp): readonly string[] {
  return text.match(pattern) ?? [];
}
