import assert from "node:assert/strict";
import { test } from "node:test";
import { actingFields, knownFields, outputLimitFields } from "./known-fields.ts";
import { described, type Fields, fn, parseChat } from "./request.test-support.ts";

const features = (fields: Fields) => described(fields).features;

test("fields that make the provider act are features, and what only shapes the answer is none", () => {
  assert.deepEqual(
    features({ store: false, web_search_options: null, seed: 1, metadata: { a: "b" }, stop: ["x"] }),
    [],
  );
  assert.deepEqual(
    features({ store: true, route: "fallback", models: ["a"], plugins: [], web_search_options: {} }),
    ["models", "plugins", "route", "store", "web_search_options"],
  );
  assert.deepEqual(
    features({ tools: [{ type: "web_search" }, fn("a"), { type: "web_search" }, { type: "mcp" }] }),
    ["tool:mcp", "tool:web_search"],
  );
});

test("of fields that nobody knows text and structures are features, numbers and switches pass", () => {
  assert.deepEqual(features({ some_knob: 3, some_switch: true, other_switch: false, nothing: null }), []);
  assert.deepEqual(
    features({ zeta: [], alpha: {}, plain: "x", empty: "", __proto: {}, base_url: "https://x" }),
    ["base_url", "field:__proto", "field:alpha", "field:empty", "field:plain", "field:zeta"],
  );
});

test("plain values that choose another model, another place or something to run need a permit by name", () => {
  for (const [field, value] of Object.entries({
    api_base: "https://evil.example",
    api_key: "k",
    aws_bedrock_runtime_endpoint: "https://evil.example",
    azure_ad_token: "t",
    base_url: "https://evil.example",
    best_of: 20,
    chat_template: "{{ x }}",
    custom_llm_provider: "other",
    custom_logit_processor: "{}",
    deferred: true,
    deployment_id: "big",
    enable_code_interpreter: true,
    enable_search: true,
    engine: "big",
    lora_path: "/other",
    mock_response: "hi",
    moderation: { model: "omni-moderation-latest" },
    organization: "other",
    preset: "big",
    vertex_credentials: "{}",
  })) {
    assert.deepEqual(features({ [field]: value }), [field]);
  }
});

test("arguments of the chat template that only switch something are none, any others are", () => {
  for (const value of [{ enable_thinking: false }, { thinking: true, thinking_budget: 5, x: null }, {}]) {
    assert.deepEqual(features({ chat_template_kwargs: value }), []);
  }
  assert.deepEqual(features({ chat_template_kwargs: { reasoning_effort: "high" } }), []);
  for (const value of [
    { chat_template: "{{ x }}" },
    { tokenize: true },
    { tools: [] },
    { a: "b" },
    "{}",
    [],
  ]) {
    assert.deepEqual(features({ chat_template_kwargs: value }), ["chat_template_kwargs"]);
  }
});

test("every field of OpenAI's reference and the usual ones of other servers pass as they are", () => {
  const inert = {
    cache_control: { type: "ephemeral" },
    cache_salt: "s",
    citation_options: "enabled",
    documents: [{ title: "a", text: "b" }],
    ebnf: "root ::= x",
    grammar: "root ::= x",
    guided_regex: "a+",
    prompt_cache_key: "k",
    prompt_cache_options: { mode: "explicit", ttl: "30m" },
    prompt_cache_retention: "24h",
    prompt_mode: "reasoning",
    reasoning: { effort: "high" },
    reasoning_effort: "high",
    reasoning_format: "parsed",
    safety_identifier: "u",
    service_tier: "flex",
    session_id: "s",
    thinking: { type: "enabled" },
    truncation_side: "left",
    usage: { include: true },
    verbosity: "low",
  };
  assert.deepEqual(features(inert), []);
});

test("structured members of messages that nobody knows are features", () => {
  const message = (fields: Fields) => features({ messages: [{ role: "assistant", content: "", ...fields }] });
  assert.deepEqual(features({ messages: [{ role: "user", content: "", images: ["x"], name: "n" }] }), [
    "message_field:images",
  ]);
  assert.deepEqual(message({ plan: [], name: "n" }), ["message_field:plan"]);
  assert.deepEqual(message({ extra_content: { google: { thought_signature: "x", tools: [] } } }), [
    "message_field:extra_content",
  ]);
  assert.deepEqual(message({ extra_content: { other: {} } }), ["message_field:extra_content"]);
});

test("what an assistant has answered can be sent back to it", () => {
  const answer = {
    role: "assistant",
    content: "a",
    images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
    extra_content: { google: { thought_signature: "x" } },
    reasoning_details: [{ type: "reasoning.text", text: "so" }],
    annotations: [{ type: "url_citation", url_citation: { url: "https://x" } }],
    audio: { id: "audio_1" },
  };
  const request = described({ messages: [answer] });
  assert.deepEqual(request.features, []);
  assert.deepEqual([request.hasImages, request.hasAudio], [true, true]);
});

test("a `__proto__` member is a field like any other", () => {
  const request = parseChat(
    '{"model":"m","messages":[{"role":"user","content":"","__proto__":{"a":1}}],"__proto__":{"user":"eve"}}',
  );
  assert.ok(request.ok);
  assert.deepEqual(request.value.request.features, ["field:__proto__", "message_field:__proto__"]);
  assert.equal(request.value.request.user, null);
});

test("no field both acts and is inert, and all names are such that others can fold to them", () => {
  for (const { inert, names } of Object.values(knownFields)) {
    assert.deepEqual(
      [...inert].filter((name) => actingFields.has(name)),
      [],
    );
    for (const name of names) assert.match(name, /^[a-z][a-z0-9_-]+$|^n$/);
    for (const name of outputLimitFields) assert.ok(names.has(name));
  }
});
