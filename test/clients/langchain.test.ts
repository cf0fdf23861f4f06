// LangChain before the gate: text, streams, bound tools, structured output, embeddings, and what its errors show of ours.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { type AimockGate, models, startAimockGate } from "../e2e/aimock-gate.ts";

const catalog = `tools:
  get_weather: { effect: write, unattended: "looking costs nothing" }
  send_email: { effect: write }
`;
const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};
const email = { type: "function" as const, function: { name: "send_email", parameters: { type: "object" } } };

let it: AimockGate;
before(async () => {
  it = await startAimockGate(catalog);
});
after(() => it.close());

function chat(model: string = models.gate, apiKey = it.gateway.key ?? ""): ChatOpenAI {
  return new ChatOpenAI({ model, apiKey, configuration: { baseURL: `${it.gateway.url}/v1` }, maxRetries: 0 });
}

test("a message in one piece and its stream say the same, with the provider's usage", async () => {
  const whole = await chat().invoke("Say hello");
  assert.match(whole.text, /^Grüezi — hello/);
  const { input_tokens, output_tokens } = Object(whole.usage_metadata);
  assert.deepEqual([input_tokens, output_tokens], [17, 23]);
  const parts: string[] = [];
  for await (const part of await chat().stream("Say hello")) parts.push(part.text);
  assert.ok(parts.length > 1);
  assert.equal(parts.join(""), whole.text);
});

test("a tool that is bound is proposed, and its result is taken, whole and streamed", async () => {
  const bound = chat().bindTools([weather]);
  const asked = new HumanMessage("the weather in Bern?");
  const whole = await bound.invoke([asked]);
  const streamed = [];
  for await (const part of await bound.stream([asked])) streamed.push(part);
  const assembled = streamed.reduce((all, part) => all.concat(part));
  for (const proposed of [whole, assembled]) {
    assert.deepEqual(
      proposed.tool_calls?.map(({ id, name }) => [id, name]),
      [["call_bern", "get_weather"]],
    );
  }
  const call = whole.tool_calls?.[0];
  const result = new ToolMessage({ content: '{"sky":"clear"}', tool_call_id: call?.id ?? "" });
  const last = await bound.invoke([
    asked,
    new AIMessage({ content: "", tool_calls: whole.tool_calls ?? [] }),
    result,
  ]);
  assert.equal(last.text, "It is sunny in Bern.");
});

test("embeddings are the upstream's", async () => {
  const embeddings = new OpenAIEmbeddings({
    model: "up/text-embedding-3-small",
    apiKey: it.gateway.key ?? "",
    encodingFormat: "float",
    configuration: { baseURL: `${it.gateway.url}/v1` },
  });
  assert.deepEqual(await embeddings.embedQuery("a vector"), [0.25, -1e-7, 3]);
});

test("a tool call that its client cannot wait for is told in our words, in one piece and in a stream", async () => {
  const bound = chat().bindTools([weather, email]);
  const whole = await bound.invoke("the weather and mail it");
  assert.match(whole.text, /^I will look and write\.[\s\S]*\[Portcullis\] The tool call `send_email` waits/);
  assert.deepEqual(whole.tool_calls, []);
  let text = "";
  for await (const part of await bound.stream("the weather and mail it")) {
    text += part.text;
    assert.deepEqual(part.tool_calls, []);
  }
  assert.match(text, /^I will look and write\.[\s\S]*\[Portcullis\] The tool call `send_email`/);
});

for (const [what, model, key, status, code] of [
  ["a model that is not there", "no-such-model", null, 404, "model_not_found"],
  ["a wrong key", models.gate, "pcl_wrong", 401, "invalid_api_key"],
] as const) {
  test(`${what} is an error with our status and code`, async () => {
    await assert.rejects(chat(model, key ?? undefined).invoke("Say hello"), (fault) => {
      assert.deepEqual([Object(fault).status, Object(fault).code], [status, code], String(fault));
      return true;
    });
  });
}

test("a stream that breaks off throws, with our code", async () => {
  let flowed = "";
  await assert.rejects(
    async () => {
      for await (const part of await chat().stream("Break off")) flowed += part.text;
    },
    (fault) => Object(fault).code === "upstream_invalid" || /cannot be used/.test(String(fault)),
  );
  assert.ok("This answer never gets to its end, I fear.".startsWith(flowed));
});
