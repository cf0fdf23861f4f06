import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrictJson } from "../core/strict-json.ts";
import { callFacts } from "./call-facts.ts";
import { parseEmbeddingsRequest } from "./embeddings-request.ts";
import { labelsOf } from "./labels.ts";

function parse(fields: Readonly<Record<string, unknown>>) {
  const json = parseStrictJson(Buffer.from(JSON.stringify({ model: "embed", ...fields })), 64);
  assert.ok(json.ok);
  return parseEmbeddingsRequest(json.value);
}

test("text and tokens are described", () => {
  for (const [input, count, tokens] of [
    ["12345678", 1, 2],
    [["1234", "5678"], 2, 2],
    [[1, 2, 3], 1, 3],
    [[[1, 2], [3]], 2, 3],
  ] as const) {
    const request = parse({ input, user: "ann", dimensions: 8, encoding_format: "base64" });
    assert.ok(request.ok);
    assert.deepEqual(request.value.request.features, []);
    assert.deepEqual(callFacts(request.value.request, { sourceAddress: "::1", time: 1, labels: [] }), {
      requested_model: "embed",
      message_count: count,
      input_tokens: tokens,
      stream: false,
      tools: [],
      has_images: false,
      has_audio: false,
      has_files: false,
      labels: [],
      user: "ann",
      source_address: "::1",
      time: 1,
    });
  }
});

test("labels are found in every input and in every other field", () => {
  for (const fields of [
    { input: ["a", "ann@example.com"] },
    { input: "a", instruction: "for ann@example.com" },
    { input: "a", user: "ann@example.com" },
  ]) {
    const request = parse(fields);
    assert.ok(request.ok);
    assert.deepEqual(labelsOf(request.value.texts), ["pii.email"]);
  }
});

test("fields that act, and text that nobody knows, are features", () => {
  const fields = {
    input: "a",
    images: [],
    store: true,
    instruction: "find",
    late_chunking: true,
    truncate: "END",
  };
  const request = parse(fields);
  assert.ok(request.ok);
  assert.deepEqual(request.value.request.features, ["field:images", "field:instruction", "store"]);
});

test("a key that only differs in case from a known one is refused", () => {
  const request = parse({ input: "a", Input: "b" });
  assert.ok(!request.ok && request.failure.reason === "invalid_request");
  assert.equal(request.failure.param, "Input");
});

test("an input of another kind is refused by name", () => {
  for (const input of [undefined, null, [], 5, {}, [1, "a"], [1.5], ["a", 1], [[1, "a"]], [{}], [null]]) {
    const request = parse({ input });
    assert.ok(!request.ok && request.failure.reason === "invalid_request", JSON.stringify(input));
    assert.equal(request.failure.param, "input");
  }
});
