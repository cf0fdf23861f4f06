// The fields of requests that are known: OpenAI's own, and those of the servers and routers that speak its API (vLLM,
// SGLang, llama.cpp, Ollama, OpenRouter, Groq, Together, Fireworks, Mistral, DeepSeek, xAI, Azure, LiteLLM).

export type RequestKind = "chat" | "embeddings";

export interface KnownFields {
  /** They only shape the answer, or say who asks: whatever their values, they pass as the client wrote them. */
  readonly inert: ReadonlySet<string>;
  /** All that are known, inert or not: a key that only differs from one of these in case is refused. */
  readonly names: ReadonlySet<string>;
}

/** Names under which servers take the most tokens of an answer. With several present it depends on the server which counts. */
export const outputLimitFields = [
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "max_new_tokens",
  "n_predict",
  "num_predict",
] as const;

/**
 * They make a provider act, send the call elsewhere, choose another model or keep something, even where their values are
 * plain. Features under their own names.
 */
export const actingFields: ReadonlySet<string> = listed(`
  adapter_id answering_model api_base api_key api_version azure_ad_token azure_endpoint
  aws_access_key_id aws_bedrock_runtime_endpoint aws_profile_name aws_region_name aws_role_name aws_secret_access_key
  aws_session_name aws_session_token aws_sts_endpoint aws_web_identity_token
  background base_url best_of bootstrap_host cached_content caching chat_template chat_template_kwargs conversation
  custom_llm_provider custom_logit_processor custom_params data_sources deferred deployment_id
  enable_code_interpreter enable_search engine fallbacks guardrails guided_decoding_backend
  input_cost_per_token keep_alive logits_processors lora lora_path lora_request mcp_servers
  mock_response mock_timeout mock_tool_calls models moderation no-log num_retries organization output_cost_per_token
  plugins preset previous_response_id prompt provider reasoning_model region_name route safety_model
  search_options search_parameters search_settings store transforms use_litellm_proxy
  vertex_ai_credentials vertex_ai_location vertex_ai_project vertex_credentials vertex_location vertex_project
  vllm_xargs web_search web_search_options
`);

const chat = known(
  `
  add_generation_prompt allowed_token_ids audio bad_words cache_control cache_prompt cache_salt citation_options
  compliance context_length_exceeded_behavior continue_final_message documents dry_sequence_breakers ebnf
  enable_thinking extra_key format frequency_penalty function_call functions grammar guided_choice guided_grammar
  guided_json guided_regex guided_whitespace_pattern ignore_eos image_config include_reasoning include_stop_str_in_output
  json_schema logit_bias logprobs messages metadata min_p min_tokens modalities model n parallel_tool_calls
  prediction presence_penalty prompt_cache_isolation_key prompt_cache_key prompt_cache_options prompt_cache_retention
  prompt_mode random_seed reasoning reasoning_effort reasoning_format reasoning_summary regex repetition_detection
  repetition_penalty request_id response_format rid safe_prompt safety_identifier samplers seed separate_reasoning
  service_tier session_id skip_special_tokens stop stop_regex stop_token_ids stream stream_options stream_reasoning
  structural_tag structured_outputs temperature thinking thinking_budget tool_choice tools top_k top_logprobs top_p
  truncation truncation_side typical_p usage user user_id verbosity
`,
);

const embeddings = known(`
  dimensions embedding_type encoding_format input input_type model normalized output_dimension output_dtype
  request_id task task_type truncate truncation user
`);

export const knownFields: Readonly<Record<RequestKind, KnownFields>> = { chat, embeddings };

function known(inert: string): KnownFields {
  const fields = new Set([...listed(inert), ...outputLimitFields]);
  return { inert: fields, names: new Set([...fields, ...actingFields]) };
}

function listed(names: string): ReadonlySet<string> {
  return new Set(names.split(/\s+/).filter((name) => name !== ""));
}
