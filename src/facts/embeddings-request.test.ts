import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrictJson } from "../core/strict-json.ts";
import { callFacts } from "./call-facts.ts";
import { parseEmbeddingsRequest } from "./embeddings-request.ts";

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
    assert.deepEqual(request.value.features, []);
    assert.deepEqual(callFacts(request.value, { sourceAddress: "::1", time: 1 }), {
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

test("labels are found in every input, and acting fields are features", () => {
  const request = parse({ input: ["a", "ann@example.com"], images: [], store: true });
  assert.ok(request.ok);
  assert.deepEqual(request.value.labels, ["pii.email"]);
  assert.deepEqual(request.value.features, ["field:images", "store"]);
});

test("an input of another kind is refused by name", () => {
  for (const input of [undefined, null, [], 5, {}, [1, "a"], [1.5], ["a", 1], [[1, "a"]], [{}], [null]]) {
    const request = parse({ input });
    assert.ok(!request.ok && request.failure.reason === "invalid_request", JSON.stringify(input));
    assert.equal(request.failure.param, "input");
  }
});
