// The Vercel AI SDK before the gate: text, streams, its tool loop, structured output, and what its errors show of ours.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { type AimockGate, models, startAimockGate } from "../e2e/aimock-gate.ts";
import { completionOf } from "../e2e/trail.ts";

const catalog = `tools:
  get_weather: { effect: write, unattended: "looking costs nothing" }
  send_email: { effect: write }
`;

const weather = tool({
  description: "The weather of a city",
  inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } }),
  execute: async ({ city }) => ({ city, sky: "clear" }),
});
const email = tool({
  description: "Writes",
  inputSchema: jsonSchema<{ to: string }>({ type: "object", properties: { to: { type: "string" } } }),
  execute: async ({ to }): Promise<string> => assert.fail(`it was withheld, and written to ${to}`),
});

let it: AimockGate;
before(async () => {
  it = await startAimockGate(catalog);
});
after(() => it.close());

function provider(apiKey = it.gateway.key ?? "") {
  return createOpenAICompatible({
    name: "portcullis",
    baseURL: `${it.gateway.url}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
}

test("text in one piece has the answer, the usage and the gate's headers", async () => {
  const { text, usage, response, finishReason } = await generateText({
    model: provider()(models.gate),
    prompt: "Say hello",
  });
  assert.match(text, /^Grüezi — hello/);
  assert.deepEqual([usage.inputTokens, usage.outputTokens, finishReason], [17, 23, "stop"]);
  const completed = await completionOf(it.gateway, response.headers?.["x-portcullis-call"] ?? null);
  assert.deepEqual([completed?.outcome, completed?.target], ["ok", "up/gpt-4o-mini"]);
});

test("a stream says the same as the answer in one piece, with its usage", async () => {
  const asked = { model: provider()(models.gate), prompt: "Say hello" };
  const streamed = streamText(asked);
  const parts: string[] = [];
  for await (const part of streamed.textStream) parts.push(part);
  assert.ok(parts.length > 1);
  assert.equal(parts.join(""), (await generateText(asked)).text);
  assert.deepEqual([(await streamed.usage).outputTokens, await streamed.finishReason], [23, "stop"]);
});

test("its tool loop runs a tool that is released and goes on with the result, whole and streamed", async () => {
  const asked = {
    model: provider()(models.gate),
    prompt: "the weather in Bern?",
    tools: { get_weather: weather },
    stopWhen: stepCountIs(3),
  };
  const whole = await generateText(asked);
  assert.equal(whole.text, "It is sunny in Bern.");
  assert.deepEqual(
    whole.steps.map((step) => step.toolCalls.map((call) => call.toolCallId)),
    [["call_bern"], []],
  );
  const streamed = streamText(asked);
  const kinds = new Set<string>();
  for await (const part of streamed.fullStream) kinds.add(part.type);
  assert.equal(await streamed.text, "It is sunny in Bern.");
  assert.ok(kinds.has("tool-call") && kinds.has("tool-result") && !kinds.has("error"), [...kinds].join());
});

test("a tool call that its client cannot wait for is told in our words, in one piece and in a stream", async () => {
  const asked = {
    model: provider()(models.gate),
    prompt: "the weather and mail it",
    tools: { get_weather: weather, send_email: email },
  };
  const whole = await generateText(asked);
  assert.match(whole.text, /^I will look and write\.[\s\S]*\[Portcullis\] The tool call `send_email` waits/);
  assert.deepEqual([whole.toolCalls, whole.finishReason], [[], "stop"]);
  const streamed = streamText(asked);
  assert.match(
    await streamed.text,
    /^I will look and write\.[\s\S]*\[Portcullis\] The tool call `send_email`/,
  );
  assert.deepEqual([await streamed.toolCalls, await streamed.finishReason], [[], "stop"]);
});

for (const [what, model, key, status, code] of [
  ["a model that is not there", "no-such-model", null, 404, "model_not_found"],
  ["a wrong key", models.gate, "pcl_wrong", 401, "invalid_api_key"],
] as const) {
  test(`${what} is an error of its own kind, with our message and code`, async () => {
    const asked = { model: provider(key ?? undefined)(model), prompt: "Say hello" };
    await assert.rejects(generateText(asked), (fault) => {
      assert.ok(APICallError.isInstance(fault), String(fault));
      const { error, portcullis } = JSON.parse(fault.responseBody ?? "{}");
      assert.deepEqual([fault.statusCode, error.code, fault.message], [status, code, error.message]);
      assert.equal(typeof portcullis.advice, "string");
      return true;
    });
  });
}

test("a stream that breaks off is an error of the stream, and no answer", async () => {
  const errors: unknown[] = [];
  const streamed = streamText({
    model: provider()(models.gate),
    prompt: "Break off",
    onError: ({ error }) => void errors.push(error),
  });
  let flowed = "";
  for await (const part of streamed.textStream) flowed += part;
  assert.ok("This answer never gets to its end, I fear.".startsWith(flowed));
  assert.match(JSON.stringify(errors) + String(errors[0]), /cannot be used|upstream_invalid/);
});
