import assert from "node:assert/strict";
import { test } from "node:test";
import { content, labels } from "./request.test-support.ts";

const secret = "AKIAIOSFODNN7EXAMPLE";
const base64 = (text: string) => `data:text/plain;base64,${text}`;
const said = (fields: object) => ({ messages: [{ role: "assistant", content: "", ...fields }] });

test("labels come from messages, tool results, earlier arguments, refusals and predictions", async () => {
  for (const fields of [
    { messages: [{ role: "system", content: secret }] },
    { messages: [{ role: "tool", tool_call_id: "c", content: secret }] },
    content({ type: "text", text: secret }),
    { messages: [{ role: "assistant", content: [{ type: "refusal", refusal: secret }] }] },
    said({ refusal: secret }),
    { messages: [{ role: "assistant", content: [{ type: "thinking", thinking: [{ text: secret }] }] }] },
    said({ reasoning_content: `so\n${secret}` }),
    said({ tool_calls: [{ id: "c", function: { name: "f", arguments: `{"a":"\\n${secret}"}` } }] }),
    said({ function_call: { name: "f", arguments: '{"a":"\\u0041KIAIOSFODNN7EXAMPLE"}' } }),
    { prediction: { type: "content", content: secret } },
  ]) {
    assert.deepEqual(await labels(fields), ["secret.aws_key"], JSON.stringify(fields));
  }
});

test("labels come from every other text that leaves with the request", async () => {
  for (const fields of [
    { response_format: { type: "json_schema", json_schema: { name: "n", schema: { title: secret } } } },
    { metadata: { note: secret } },
    { metadata: { [secret]: "note" } },
    { stop: [secret] },
    { stop: secret },
    { guided_choice: ["a", secret] },
    { guided_regex: `(${secret})` },
    { tool_choice: { type: "function", function: { name: secret } } },
    { tools: [{ type: "function", function: { name: "f", description: secret } }] },
    { tools: [{ type: "function", function: { name: "f", parameters: { properties: { [secret]: {} } } } }] },
    { functions: [{ name: "f", parameters: { enum: [secret] } }] },
    { some_text: secret },
    { [secret]: 1 },
    { user: secret },
    { documents: [{ text: secret }] },
    { messages: [{ role: "user", content: "", name: secret }] },
    { messages: [{ role: "user", content: "", [secret]: 1 }] },
    content({ type: "text", text: "a", note: secret }),
    content({ type: "text", text: "a", cache_control: { type: secret } }),
    content({ type: "image_url", image_url: { url: `https://example.com/?key=${secret}` } }),
    content({ type: "image_url", image_url: `https://example.com/?key=${secret}` }),
    content({ type: "file", file: { file_data: "AAAA", filename: secret } }),
    content({ type: "file", file: { file_data: "AAAA", [secret]: 1 } }),
    said({ audio: { id: "a", transcript: secret } }),
    said({ images: [{ image_url: { url: `https://example.com/${secret}` } }] }),
  ]) {
    assert.deepEqual(await labels(fields), ["secret.aws_key"], JSON.stringify(fields));
  }
});

test("a text that is split over parts is looked at as the model reads it, and each part on its own", async () => {
  const text = (part: string) => ({ type: "text", text: part });
  const split = Array.from(secret, text);
  assert.deepEqual(await labels(content(text("key AKIAIOSF"), text("ODNN7EXAMPLE"))), ["secret.aws_key"]);
  assert.deepEqual(await labels(content(...split)), ["secret.aws_key"]);
  assert.deepEqual(await labels(content(text("key"), text(secret))), ["secret.aws_key"]);
  assert.deepEqual(await labels({ prediction: { type: "content", content: split } }), ["secret.aws_key"]);
  assert.deepEqual(
    await labels(content(text("AKIAIOSF"), { type: "image_url", image_url: {} }, text("ODNN7EXAMPLE"))),
    [],
  );
});

test("media are not text", async () => {
  for (const fields of [
    content({ type: "image_url", image_url: { url: base64(secret), detail: "low" } }),
    content({ type: "input_image", image_url: base64(secret) }),
    content({ type: "input_audio", input_audio: { data: secret, format: "wav" } }),
    content({ type: "file", file: { file_data: base64(secret), filename: "a" } }),
    said({ images: [{ type: "image_url", image_url: { url: base64(secret) } }] }),
    said({ audio: { id: "a", data: secret } }),
  ]) {
    assert.deepEqual(await labels(fields), [], JSON.stringify(fields));
  }
  assert.deepEqual(await labels(content({ type: "text", text: base64(secret) })), ["secret.aws_key"]);
});
