import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ProviderAnswer, type ProviderEndpoint, ProviderStreamError } from "../provider.ts";
import { SseDecoder } from "../sse-decoder.ts";
import { DemoProvider } from "./demo-provider.ts";

type Json = Readonly<Record<string, unknown>>;

const label = /^This is Portcullis' built-in demo model; no real model was called\./;

async function send(
  body: unknown,
  endpoint: ProviderEndpoint = "chat/completions",
  signal: AbortSignal = new AbortController().signal,
): Promise<ProviderAnswer> {
  const sent = await new DemoProvider("demo").send({
    endpoint,
    body: typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body)),
    headers: {},
    maxResponseBytes: 10_000_000,
    signal,
  });
  if (!sent.ok) throw new assert.AssertionError({ message: sent.failure.detail });
  return sent.value;
}

async function whole(body: unknown, endpoint: ProviderEndpoint = "chat/completions", status = 200) {
  const answer = await send(body, endpoint);
  assert.equal(answer.status, status);
  assert.equal(answer.kind, "whole");
  return answer.kind === "whole" ? JSON.parse(answer.body.toString()) : null;
}

async function events(body: Json): Promise<readonly string[]> {
  const answer = await send({ ...body, stream: true });
  assert.equal(answer.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.equal(answer.kind, "stream");
  if (answer.kind !== "stream") return [];
  const decoder = new SseDecoder({ maxEventBytes: 100_000 });
  const seen: string[] = [];
  for await (const chunk of answer.chunks) {
    const pushed = decoder.push(chunk);
    assert.ok(pushed.ok);
    seen.push(...pushed.value.map((event) => event.data ?? ""));
  }
  assert.ok(decoder.end().ok);
  return seen;
}

function says(text: string, more: Json = {}): Json {
  return { model: "assistant", messages: [{ role: "user", content: text }], ...more };
}

function tool(name: string, properties: Json, more: Json = {}): Json {
  return { type: "function", function: { name, parameters: { type: "object", properties, ...more } } };
}

const text = { type: "string" };
const sendEmail = tool(
  "send_email",
  { to: text, subject: text, body: text },
  { required: ["to", "subject", "body"] },
);
const weather = tool("get_weather", {
  city: text,
  unit: { enum: ["celsius", "fahrenheit"] },
  days: { type: "integer" },
});
const email = `Please send an e-mail to bob@example.com about lunch saying "see you at noon".`;

async function callsIn(body: Json): Promise<readonly { name: string; args: Json }[]> {
  const answer = await whole(body);
  const [choice] = answer.choices;
  return (choice.message.tool_calls ?? []).map((call: { function: { name: string; arguments: string } }) => ({
    name: call.function.name,
    args: JSON.parse(call.function.arguments),
  }));
}

test("it says what it is, and the same to the same", async () => {
  const first = await whole(says("hello"));
  assert.match(first.choices[0].message.content, label);
  assert.match(first.choices[0].message.content, /hello/);
  assert.equal(first.choices[0].finish_reason, "stop");
  assert.deepEqual(await whole(says("hello")), first);
  assert.notEqual((await whole(says("hello!"))).id, first.id);
  assert.equal(first.usage.total_tokens, first.usage.prompt_tokens + first.usage.completion_tokens);
});

test("a stream says the same in several chunks, with usage in an extra one when it is asked for", async () => {
  const body = says("tell me  something\nlong, please ", { n: 2 });
  const answer = await whole(body);
  const plain = await events(body);
  assert.equal(plain.at(-1), "[DONE]");
  const chunks = plain.slice(0, -1).map((data) => JSON.parse(data));
  assert.ok(chunks.length > 8);
  for (const index of [0, 1]) {
    const of = chunks.filter((chunk) => chunk.choices[0].index === index);
    const content = of.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
    assert.equal(content, answer.choices[index].message.content);
    assert.equal(of.at(-1).choices[0].finish_reason, "stop");
  }
  assert.ok(chunks.every((chunk) => !("usage" in chunk)));

  const counted = (await events({ ...body, stream_options: { include_usage: true } })).slice(0, -1);
  const last = JSON.parse(counted.at(-1) ?? "");
  assert.deepEqual([last.choices, last.usage], [[], answer.usage]);
  assert.ok(counted.slice(0, -1).every((data) => JSON.parse(data).usage === null));
});

test("asked to, it proposes a call of an offered tool with arguments from the message", async () => {
  const expected = [
    { name: "send_email", args: { to: "bob@example.com", subject: "lunch", body: "see you at noon" } },
  ];
  assert.deepEqual(await callsIn(says(email, { tools: [weather, sendEmail] })), expected);
  assert.deepEqual(await callsIn(says(email, { tools: [weather] })), []);
  assert.deepEqual(await callsIn(says("What is an email?", { tools: [sendEmail] })), []);
  assert.deepEqual(
    await callsIn(says("What's the weather in New York for 3 days, in fahrenheit?", { tools: [weather] })),
    [{ name: "get_weather", args: { city: "New York", unit: "fahrenheit", days: 3 } }],
  );
});

test("a streamed tool call comes in parts that make the whole one", async () => {
  const body = says(`${email} And the weather in Paris?`, { tools: [sendEmail, weather] });
  const answer = await whole(body);
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  assert.equal(answer.choices[0].message.content, null);
  const joined: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const data of (await events(body)).slice(0, -1)) {
    for (const { index, ...part } of JSON.parse(data).choices[0].delta.tool_calls ?? []) {
      const held = joined[index];
      if (held === undefined) joined[index] = part;
      else held.function.arguments += part.function.arguments;
    }
  }
  assert.equal(joined.length, 2);
  assert.deepEqual(joined, answer.choices[0].message.tool_calls);
});

test("several calls are proposed when several are asked for, one where parallel calls are off", async () => {
  const both = says("send an email to a@example.com and b@example.com", { tools: [sendEmail] });
  assert.deepEqual(
    (await callsIn(both)).map((call) => call.args["to"]),
    ["a@example.com", "b@example.com"],
  );
  assert.equal((await callsIn({ ...both, parallel_tool_calls: false })).length, 1);
});

test("tool_choice is obeyed", async () => {
  const tools = [weather, sendEmail];
  assert.deepEqual(await callsIn(says(email, { tools, tool_choice: "none" })), []);
  assert.equal((await callsIn(says("hi", { tools, tool_choice: "required" })))[0]?.name, "get_weather");
  const named = { type: "function", function: { name: "send_email" } };
  assert.equal((await callsIn(says("hi", { tools, tool_choice: named })))[0]?.name, "send_email");
});

test("after a tool has answered it says what the tool answered", async () => {
  const messages = [
    { role: "user", content: email },
    { role: "assistant", content: null, tool_calls: [] },
    { role: "tool", tool_call_id: "x", content: "queued as 17" },
  ];
  const answer = await whole({ model: "assistant", messages, tools: [sendEmail], tool_choice: "required" });
  assert.match(answer.choices[0].message.content, label);
  assert.match(answer.choices[0].message.content, /queued as 17/);
});

test("functions, the form before tools, work too", async () => {
  const { function: definition } = sendEmail as { function: unknown };
  const body = says(email, { functions: [definition] });
  const answer = await whole(body);
  assert.equal(answer.choices[0].finish_reason, "function_call");
  const call = answer.choices[0].message.function_call;
  assert.equal(call.name, "send_email");
  const deltas = (await events(body))
    .slice(0, -1)
    .map((data) => JSON.parse(data).choices[0].delta.function_call);
  assert.equal(deltas.map((delta) => delta?.arguments ?? "").join(""), call.arguments);
});

test("structured answers are JSON that keeps to the schema", async () => {
  const object = await whole(says("hi", { response_format: { type: "json_object" } }));
  assert.match(JSON.parse(object.choices[0].message.content).demo, label);
  const schema = {
    type: "object",
    properties: {
      kind: { const: "invoice" },
      count: { type: "integer", minimum: 5, multipleOf: 3 },
      who: { $ref: "#/$defs/person" },
      tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 2 },
      maybe: { anyOf: [{ type: "null" }, { type: "boolean" }] },
      code: { type: "string", maxLength: 3 },
      due: { type: "string", format: "date" },
    },
    required: ["kind", "count", "who", "tags", "maybe", "code", "due"],
    $defs: {
      person: {
        type: "object",
        properties: { email: text, boss: { $ref: "#/$defs/person" } },
        required: ["email"],
      },
    },
  };
  const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
  const shaped = await whole(says("due 2027-02-03, b please", { response_format }));
  assert.deepEqual(JSON.parse(shaped.choices[0].message.content), {
    kind: "invoice",
    count: 6,
    who: { email: "ana@example.com" },
    tags: ["b", "b"],
    maybe: true,
    code: "due",
    due: "2027-02-03",
  });
});

test("max_tokens cuts an answer off, arguments of tool calls included", async () => {
  const cut = await whole(says("hello", { max_tokens: 2 }));
  assert.equal(cut.choices[0].finish_reason, "length");
  assert.equal(cut.choices[0].message.content, "This is ");
  assert.equal(cut.usage.completion_tokens, 2);
  const call = await whole(says(email, { tools: [sendEmail], max_completion_tokens: 3 }));
  assert.equal(call.choices[0].finish_reason, "length");
  assert.throws(() => JSON.parse(call.choices[0].message.tool_calls[0].function.arguments));
});

test("what it cannot do it refuses as OpenAI does", async () => {
  const cases: readonly (readonly [unknown, ProviderEndpoint, number, string | null])[] = [
    [says("hi", { model: "gpt-4o" }), "chat/completions", 404, "model"],
    [says("hi", { model: "embedder" }), "chat/completions", 404, "model"],
    [{ model: "assistant", input: "x" }, "embeddings", 404, "model"],
    [{ model: "assistant", messages: [] }, "chat/completions", 400, "messages"],
    [says("hi", { n: 0 }), "chat/completions", 400, "n"],
    [says("hi", { n: 1e9 }), "chat/completions", 400, "n"],
    [says("hi", { max_tokens: -1 }), "chat/completions", 400, "max_tokens"],
    [{ model: "embedder", input: [] }, "embeddings", 400, "input"],
    [{ model: "embedder", input: "" }, "embeddings", 400, "input"],
    [{ model: "embedder", input: [["x"]] }, "embeddings", 400, "input"],
    [{ model: "embedder", input: "x", dimensions: 0.5 }, "embeddings", 400, "dimensions"],
    [{ model: "embedder", input: "x", encoding_format: "hex" }, "embeddings", 400, "encoding_format"],
    [{ model: "embedder", input: Array(2048).fill("x"), dimensions: 4096 }, "embeddings", 400, "dimensions"],
    ["{", "chat/completions", 400, null],
    ["[]", "chat/completions", 400, null],
  ];
  for (const [body, endpoint, status, param] of cases) {
    const { error } = await whole(body, endpoint, status);
    assert.equal(error.type, "invalid_request_error");
    assert.equal(error.param, param);
  }
});

test("embeddings are unit vectors, equal for equal inputs, as floats or little-endian base64", async () => {
  const body = { model: "embedder", input: ["one", "two", "one"], dimensions: 16 };
  const floats = await whole(body, "embeddings");
  const [one, two, again] = floats.data.map((item: { embedding: readonly number[] }) => item.embedding);
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, two);
  assert.equal(one.length, 16);
  assert.ok(Math.abs(Math.hypot(...one) - 1) < 1e-6);
  assert.deepEqual(floats.usage, { prompt_tokens: 3, total_tokens: 3 });

  const base64 = await whole({ ...body, encoding_format: "base64" }, "embeddings");
  const bytes = Buffer.from(base64.data[0].embedding, "base64");
  assert.deepEqual(
    Array.from({ length: 16 }, (_, at) => bytes.readFloatLE(at * 4)),
    one,
  );
});

test("embeddings take a text, tokens, and lists of either", async () => {
  for (const [input, count, tokens] of [
    ["abcd", 1, 1],
    [[1, 2, 3], 1, 3],
    [[[1, 2], [3]], 2, 3],
    [["abcdefgh", [1]], 2, 3],
  ] as const) {
    const answer = await whole({ model: "embedder", input }, "embeddings");
    assert.equal(answer.data.length, count);
    assert.equal(answer.usage.prompt_tokens, tokens);
  }
});

test("an aborted stream ends as cancelled, and an aborted request is not answered", async () => {
  const abort = new AbortController();
  const answer = await send(says("hello", { stream: true }), "chat/completions", abort.signal);
  await assert.rejects(
    async () => {
      assert.ok(answer.kind === "stream");
      for await (const _chunk of answer.chunks) abort.abort();
    },
    (error) => error instanceof ProviderStreamError && error.failure.reason === "cancelled",
  );
  await assert.rejects(send(says("hi"), "chat/completions", abort.signal), /the client is gone/);
});

test("an answer beyond the limit is too large", async () => {
  const request = { endpoint: "embeddings", headers: {}, maxResponseBytes: 100 } as const;
  const body = Buffer.from(JSON.stringify({ model: "embedder", input: "x" }));
  const sent = await new DemoProvider("demo").send({
    ...request,
    body,
    signal: new AbortController().signal,
  });
  assert.ok(!sent.ok && sent.failure.reason === "too_large");
});

test("no request makes it throw", async () => {
  const request = fc.record(
    {
      model: fc.constantFrom("assistant", "embedder"),
      messages: fc.array(fc.record({ role: fc.constantFrom("user", "tool"), content: fc.jsonValue() }), {
        maxLength: 3,
      }),
      tools: fc.array(fc.record({ function: fc.record({ name: fc.string(), parameters: fc.jsonValue() }) }), {
        maxLength: 2,
      }),
      tool_choice: fc.constantFrom("required", "auto", null, 7),
      response_format: fc.record({ type: fc.constant("json_schema"), json_schema: fc.jsonValue() }),
      stream: fc.boolean(),
      stream_options: fc.jsonValue(),
      n: fc.integer({ min: 0, max: 3 }),
      input: fc.jsonValue(),
    },
    { requiredKeys: ["model"] },
  );
  await fc.assert(
    fc.asyncProperty(request, fc.constantFrom("chat/completions", "embeddings"), async (body, endpoint) => {
      const answer = await send(body, endpoint as ProviderEndpoint);
      assert.ok([200, 400, 404].includes(answer.status));
    }),
    { numRuns: 200 },
  );
});

test("a schema that refers to itself, or branches without end, gives a bounded answer", async () => {
  const properties = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`p${at}`, { $ref: "#" }]));
  for (const schema of [{ $ref: "#" }, { type: "object", properties }]) {
    const response_format = { type: "json_schema", json_schema: { schema } };
    const answer = await whole(says("hi", { response_format }));
    assert.ok(answer.choices[0].message.content.length < 1_000_000);
  }
});
