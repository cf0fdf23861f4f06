// Which request fields only shape an answer, and which make the provider act, route or keep something. The latter are
// features: each needs a permit of its own (action `use_feature`), because policy would otherwise not see them.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { isStructured, type JsonObject } from "./json-shape.ts";
import { undescribable } from "./request-refusal.ts";

/** Fields that only shape the answer. Whatever their values, they pass as the client wrote them. */
const inertChatFields: ReadonlySet<string> = new Set([
  "allowed_token_ids",
  "audio",
  "bad_words",
  "chat_template_kwargs",
  "enable_thinking",
  "frequency_penalty",
  "function_call",
  "functions",
  "guided_choice",
  "guided_json",
  "logit_bias",
  "logprobs",
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "metadata",
  "min_p",
  "modalities",
  "model",
  "n",
  "parallel_tool_calls",
  "prediction",
  "presence_penalty",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning",
  "reasoning_effort",
  "repetition_penalty",
  "response_format",
  "safety_identifier",
  "seed",
  "service_tier",
  "stop",
  "stop_token_ids",
  "stream",
  "stream_options",
  "structured_outputs",
  "temperature",
  "thinking",
  "tool_choice",
  "tools",
  "top_k",
  "top_logprobs",
  "top_p",
  "user",
  "verbosity",
]);

const inertEmbeddingsFields: ReadonlySet<string> = new Set([
  "dimensions",
  "encoding_format",
  "input",
  "input_type",
  "model",
  "user",
]);

/**
 * Fields known to act, of OpenAI and of the vendors and routers that speak its API, even where their values are plain:
 * they search, send the call elsewhere, or make the provider keep it. Features under their own names.
 */
const actingFields: ReadonlySet<string> = new Set([
  "api_base",
  "api_key",
  "background",
  "base_url",
  "conversation",
  "custom_llm_provider",
  "data_sources",
  "enable_search",
  "fallbacks",
  "logits_processors",
  "mcp_servers",
  "models",
  "plugins",
  "previous_response_id",
  "prompt",
  "provider",
  "route",
  "search_parameters",
  "store",
  "transforms",
  "web_search",
  "web_search_options",
]);

const maxFeatures = 64;
const maxFeatureLength = 128;

export type RequestKind = "chat" | "embeddings";

/** Features of the request's own fields, in no order: a known field by its name, any other as `field:<name>`. */
export function requestFeatures(kind: RequestKind, body: JsonObject): readonly string[] {
  const inert = kind === "chat" ? inertChatFields : inertEmbeddingsFields;
  const features: string[] = [];
  for (const [field, value] of Object.entries(body)) {
    // What is null or false asks for nothing.
    if (inert.has(field) || value === null || value === false) continue;
    if (actingFields.has(field)) features.push(field);
    else if (isStructured(value)) features.push(`field:${field}`);
  }
  return features;
}

/** Each once, sorted. Every one of them costs a decision, so a request has a bounded number. */
export function boundedFeatures(features: readonly string[]): Result<readonly string[], Refusal> {
  const unique = [...new Set(features)].sort();
  if (unique.length > maxFeatures) {
    return undescribable(`it uses more than ${maxFeatures} fields and tools that make the provider act`);
  }
  const long = unique.find((feature) => feature.length > maxFeatureLength);
  return long === undefined
    ? ok(unique)
    : undescribable("it holds a field or tool type whose name is too long to be described");
}
