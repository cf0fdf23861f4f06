import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const tools = [
  {
    type: "function" as const,
    function: { name: "send_email", parameters: { type: "object", properties: { to: { type: "string" } } } },
  },
];

let gateway: TestGateway;
let client: OpenAI;

before(async () => {
  gateway = await startGateway();
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key ?? "", maxRetries: 0 });
});
after(() => gateway.close().finally(() => gateway.kill()));

test("the openai SDK gets a completion, with the gate's word in the headers", async () => {
  const { data, response } = await client.chat.completions
    .create({ model: "fast", messages: [{ role: "user", content: "Hello" }] })
    .withResponse();
  assert.match(data.choices[0]?.message.content ?? "", /demo model/);
  assert.equal(response.headers.get("x-portcullis-decision"), "permit");
  assert.equal(response.headers.get("x-portcullis-model"), "demo/assistant");
});

test("the openai SDK streams, and gets the usage chunk only when it asks for it", async () => {
  for (const include_usage of [true, false]) {
    const stream = await client.chat.completions.create({
      model: "fast",
      stream: true,
      ...(include_usage ? { stream_options: { include_usage } } : {}),
      messages: [{ role: "user", content: "Hello" }],
    });
    let content = "";
    let usage = 0;
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta.content ?? "";
      if (chunk.usage != null) usage += 1;
    }
    assert.match(content, /You said: Hello/);
    assert.equal(usage, include_usage ? 1 : 0);
  }
});

test("a proposed write never reaches a client that cannot wait: it is told what waits, whole and streamed", async () => {
  const messages = [{ role: "user" as const, content: "send an email to bob@example.com" }];
  const hasty = { headers: { "x-portcullis-timeout": "0.01" } };
  const whole = await client.chat.completions.create({ model: "fast", tools, messages }, hasty);
  const said = /The tool call `send_email` waits for a sign-off by default/;
  assert.match(whole.choices[0]?.message.content ?? "", said);
  assert.equal(whole.choices[0]?.message.tool_calls, undefined);
  const stream = await client.chat.completions.create(
    { model: "fast", tools, messages, stream: true },
    hasty,
  );
  let content = "";
  for await (const chunk of stream) {
    assert.equal(chunk.choices[0]?.delta.tool_calls, undefined);
    content += chunk.choices[0]?.delta.content ?? "";
  }
  assert.match(content, said);
});

test("embeddings and models work with the SDK, and other paths say what there is", async () => {
  const { data } = await client.embeddings.create({
    model: "demo/embedder",
    input: ["a", "b"],
    dimensions: 8,
  });
  assert.equal(data[1]?.embedding.length, 8);
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("fast") && names.includes("demo/assistant"));
  const answer = await fetch(`${gateway.url}/v1/responses`, { method: "POST" });
  assert.equal(answer.status, 404);
});

test("hostile bodies get a clean 4xx and the gateway lives", async () => {
  const headers = { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" };
  const bodies: readonly (string | Uint8Array<ArrayBuffer>)[] = [
    "",
    "{",
    "[".repeat(200_000),
    '{"model":"fast","model":"demo/assistant-large","messages":[]}',
    '{"model":"fast","messages":[{"role":"user","content":"\\ud800"}]}',
    '{"model":"fast","messages":[{"role":"user","content":"x"}],"max_tokens":1e999}',
    '{"model":"fast","messages":[{"role":"user","content":"x"}],"max_tokens":99999999999999999999}',
    '{"model":"fast","messages":[{"role":"user","content":{"__entity":{"type":"a","id":"b"}}}]}',
    Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  ];
  for (const body of bodies) {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body });
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    assert.ok("error" in Object(await answer.json()));
  }
  const web = '{"model":"fast","messages":[{"role":"user","content":"x"}],"web_search_options":{}}';
  const refused = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body: web });
  assert.equal(refused.status, 403);
  assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
});

test("keys rotate with an overlap, and a revoked one ends at once", async () => {
  const made = JSON.parse(gateway.cli("keys", "create", "--application", "assistant", "--json").stdout);
  const rotated = JSON.parse(gateway.cli("keys", "rotate", made.id, "--json").stdout);
  const status = async (key: string): Promise<number> =>
    (await fetch(`${gateway.url}/v1/models`, { headers: { "x-api-key": key } })).status;
  assert.equal(await status(made.key), 200);
  assert.equal(await status(rotated.key), 200);
  assert.equal(gateway.cli("keys", "revoke", made.id).status, 0);
  assert.equal(await status(made.key), 401);
  assert.equal(await status(rotated.key), 200);
});

test("a second start finds everything and prints no secret; a second gateway refuses", async (t) => {
  const first = await startGateway();
  t.after(() => first.kill());
  const second = first.cli("up", "--listen", "127.0.0.1:0");
  assert.equal(second.status, 2);
  assert.match(second.stderr, /another gateway is running/);
  await first.stop();
  const again = await startGateway(first.folder);
  t.after(() => again.kill());
  assert.equal(again.key, null);
  await again.close();
});

test("a real upstream gets the concrete model and its own key, and its errors come back byte for byte", async (t) => {
  const authorizations: (string | undefined)[] = [];
  const upstream = await scriptedUpstream((response, request) => {
    authorizations.push(request.headers.authorization);
    response.writeHead(429, { "content-type": "application/json", "retry-after": "7" });
    response.end('{"error":{"message":"slow  down","type":"rate_limit","code":null,"param":null}}');
  });
  t.after(() => upstream.close());
  const folder = testFolder({
    "portcullis.yaml": `providers:
  up: { type: openai, base_url: "${upstream.baseUrl}", api_key: secret://providers/up }
models:
  - { name: fast, targets: [up/gpt-x] }
applications:
  - { name: assistant }
`,
  });
  const running = await startGateway(folder);
  t.after(() => running.kill());
  const ask = (): Promise<Response> =>
    fetch(`${running.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${running.key}`, "content-type": "application/json" },
      body: '{ "model" : "fast", "stream": true, "messages":[{"role":"user","content":"x"}] }',
    });
  assert.equal((await ask()).status, 503, "without its key a provider is unavailable");
  const secret = running.cli("secrets", "list");
  assert.equal(secret.status, 0);
  const operator = JSON.parse(await readFile(join(folder, "data", "operator.json"), "utf8"));
  const set = await fetch(`${running.url}/api/secrets/providers/up`, {
    method: "PUT",
    headers: { authorization: `Bearer ${operator.token}`, "content-type": "application/json" },
    body: JSON.stringify({ value: "sk-upstream" }),
  });
  assert.equal(set.status, 200);
  const answer = await ask();
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("retry-after"), "7");
  assert.equal(
    await answer.text(),
    '{"error":{"message":"slow  down","type":"rate_limit","code":null,"param":null}}',
  );
  assert.equal(
    upstream.bodies[0]?.toString(),
    '{"stream_options":{"include_usage":true}, "model" : "gpt-x", "stream": true, "messages":[{"role":"user","content":"x"}] }',
  );
  assert.deepEqual(authorizations, ["Bearer sk-upstream"]);
  await running.close();
});
