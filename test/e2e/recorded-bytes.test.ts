// What aimock cannot say (several choices, logprobs, base64 vectors, other writers' JSON), as OpenAI's API writes it: the
// client gets the same bytes, and the upstream gets the client's, save for the two splices.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { completionOf } from "./trail.ts";

const naming = '"id":"chatcmpl-BZ1","created":1748000000,"model":"gpt-4o-mini-2024-07-18"';
const usage =
  '"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2}}';
const heads =
  '{"content":[{"token":"Heads","logprob":-0.69314718,"bytes":[72,101,97,100,115],"top_logprobs":[{"token":"Heads","logprob":-6.9314718e-1,"bytes":null},{"token":"\\u2028","logprob":-9999.0,"bytes":[226,128,168]}]}],"refusal":null}';

const whole = `{
  ${naming}, "object": "chat.completion",
  "choices": [
    {"index": 1, "message": {"role": "assistant", "content": "Tails", "refusal": null, "annotations": []}, "logprobs": null, "finish_reason": "stop"},
    {"index": 0, "message": {"role": "assistant", "content": "Heads"}, "logprobs": ${heads}, "finish_reason": "stop"}
  ],
  ${usage}, "service_tier": "default", "system_fingerprint": "fp_34a54ae93c"
}\n`;

function chunk(choice: string, more = ""): string {
  return `data: {${naming},"object":"chat.completion.chunk","service_tier":"default","obfuscation":"x1","choices":[${choice}]${more}}\n\n`;
}

function delta(index: number, content: string, rest = '"logprobs":null,"finish_reason":null'): string {
  return chunk(`{"index":${index},"delta":{"content":${content}},${rest}}`, ',"usage":null');
}

const flowing = [
  ": keep-alive\n\n",
  ...[0, 1].map((index) => chunk(`{"index":${index},"delta":{"role":"assistant","content":""}}`)),
  delta(0, '"Heads"', `"logprobs":${heads},"finish_reason":null`),
  delta(1, '"T\\u0061ils \\ud83d\\udc4b"'),
  chunk('{"index":1,"delta":{"content":" 👋"}},{"index":0,"delta":{"content":"!"}}'),
];
/** The same under other framing: the gate may put it under its own, and keeps what the events say. */
const oddlyFramed = flowing
  .join("")
  .replaceAll("data: ", "event: message\nid: 7\ndata:")
  .replaceAll("\n", "\r\n");
const ending = [
  chunk('{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}'),
  chunk('{"index":1,"delta":{},"logprobs":null,"finish_reason":"length"}'),
];
const usageChunk = chunk("", `,${usage}`);
const done = "data: [DONE]\n\n";
/** The first choice ends before the second has begun: its end waits, so the events come in another order. */
const early = [delta(0, '"a"'), ending[0], delta(1, '"b"'), ending[1]].join("");
const vectors =
  '{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPgAAAD8AAEA/"}],"model":"text-embedding-3-small","usage":{"prompt_tokens":2,"total_tokens":2}}';

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let client: OpenAI;
before(async () => {
  upstream = await scriptedUpstream((response, request, body) => {
    const asked = body.toString();
    if (!asked.includes('"stream":true')) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(request.url?.endsWith("/embeddings") === true ? vectors : whole);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    const usageAsked = asked.includes('"include_usage":true') ? usageChunk : "";
    if (asked.includes("framed")) return void response.end(oddlyFramed + ending.join("") + done);
    if (asked.includes("short")) return void response.end(flowing.join(""));
    response.end((asked.includes("early") ? early : [...flowing, ...ending].join("")) + usageAsked + done);
  });
  const config = `providers:
  up: { type: openai, base_url: "${upstream.baseUrl}" }
models:
  - { name: fast, targets: [up/gpt-4o-mini] }
applications:
  - { name: assistant }
`;
  gateway = await startGateway(testFolder({ "portcullis.yaml": config }));
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key ?? "", maxRetries: 0 });
});
after(async () => {
  upstream.close();
  await gateway.close().finally(() => gateway.kill());
});

async function ask(body: string): Promise<{ readonly text: string; readonly call: string | null }> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body,
  });
  return { text: await answer.text(), call: answer.headers.get("x-portcullis-call") };
}

const messages = [{ role: "user" as const, content: "Toss a coin" }];
const several = { messages, n: 2, logprobs: true, top_logprobs: 2 };

test("several choices with logprobs come through byte for byte, and their usage is on record in full", async () => {
  const answer = await ask(JSON.stringify({ model: "fast", ...several }));
  assert.equal(answer.text, whole);
  const completed = await completionOf(gateway, answer.call);
  assert.deepEqual(
    [completed?.usage, completed?.finish_reasons],
    [
      {
        input_tokens: 19,
        cached_input_tokens: 4,
        output_tokens: 10,
        reasoning_tokens: 2,
        source: "provider",
      },
      ["stop", "stop"],
    ],
  );
  const read = await client.chat.completions.create({ model: "fast", ...several });
  assert.deepEqual(read, JSON.parse(whole));
});

test("a stream of several choices comes through byte for byte", async () => {
  const body = { model: "fast", stream: true, ...several };
  const asked = await ask(JSON.stringify({ ...body, stream_options: { include_usage: true } }));
  assert.equal(asked.text, [...flowing, ...ending, usageChunk, done].join(""));
  const notAsked = await ask(JSON.stringify(body));
  assert.equal(notAsked.text, [...flowing, ...ending, done].join(""), "without the usage that we asked for");
  for (const { call } of [asked, notAsked]) {
    const completed = await completionOf(gateway, call);
    assert.deepEqual(
      [completed?.usage.source, completed?.usage.output_tokens, completed?.finish_reasons],
      ["provider", 10, ["stop", "length"]],
    );
  }
});

test("whatever the framing of a stream, its events say the same, to the byte", async () => {
  const messages = [{ role: "user", content: "oddly framed" }];
  const { text } = await ask(JSON.stringify({ model: "fast", stream: true, n: 2, messages }));
  const data = (stream: string): readonly string[] =>
    stream.split(/\r?\n/).flatMap((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? []);
  assert.deepEqual(data(text), data([...flowing, ...ending, done].join("")));
});

test("the SDK assembles both choices of the stream, with their logprobs", async () => {
  const stream = client.chat.completions.stream({ model: "fast", ...several });
  const { choices } = await stream.finalChatCompletion();
  assert.deepEqual(
    choices.map((choice) => [choice.index, choice.message.content, choice.finish_reason]),
    [
      [0, "Heads!", "stop"],
      [1, "Tails 👋 👋", "length"],
    ],
  );
  assert.deepEqual(choices[0]?.logprobs?.content, JSON.parse(heads).content);
});

test("a choice that ends early keeps its bytes and its order; only its end waits for the others", async () => {
  const messages = [{ role: "user", content: "end early" }];
  const { text } = await ask(JSON.stringify({ model: "fast", stream: true, n: 2, messages }));
  assert.equal(text, [delta(0, '"a"'), delta(1, '"b"'), ...ending, done].join(""));
});

test("a stream that ends in good order before its answer does is no answer: an error in place of [DONE]", async () => {
  const messages = [{ role: "user", content: "stop short" }];
  const { text, call } = await ask(JSON.stringify({ model: "fast", stream: true, n: 2, messages }));
  assert.ok(text.startsWith(flowing.join("")));
  assert.match(text.slice(flowing.join("").length), /^data: \{"error":.*"code":"upstream_invalid".*\}\n\n$/);
  assert.equal((await completionOf(gateway, call))?.outcome, "upstream_invalid");
});

test("vectors in base64, which the SDK asks for by itself, are the same numbers", async () => {
  const { data } = await client.embeddings.create({ model: "up/text-embedding-3-small", input: "a" });
  assert.deepEqual(data[0]?.embedding, [0.25, 0.5, 0.75]);
  const encoded = await client.embeddings
    .create({ model: "up/text-embedding-3-small", input: "a", encoding_format: "base64" })
    .asResponse();
  assert.equal(await encoded.text(), vectors);
});

test("the upstream gets the client's own bytes, with the model replaced and usage asked for where it was not", async () => {
  const odd =
    '"mes\\u0073ages" : [ {"role":"user","content":"caf\\u00e9 é 👋 \\ud83d\\udc4b \\/"} ],\t"temperature":1.0e0, "seed":9007199254740993,"x":-0';
  const sent = async (body: string): Promise<string | undefined> => {
    assert.notEqual((await ask(body)).call, null);
    return upstream.bodies.at(-1)?.toString();
  };
  assert.equal(
    await sent(`\n{ ${odd}, "model" : "fa\\u0073t" }\n`),
    `\n{ ${odd}, "model" : "gpt-4o-mini" }\n`,
  );
  const concrete = `{"model":"up/gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},${odd}}`;
  assert.equal(await sent(concrete), concrete.replace("up/", ""));
  for (const options of ["{}", "null", '{ "include_usage" : false }']) {
    const body = `{${odd},"stream":true,"model":"fast","stream_options":${options}}`;
    const got = (await sent(body)) ?? "";
    assert.ok(got.startsWith(`{${odd},"stream":true,"model":"gpt-4o-mini","stream_options":`), got);
    assert.deepEqual(JSON.parse(got).stream_options, { include_usage: true });
  }
});
