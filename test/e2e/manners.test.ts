import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const hello = (extra: object = {}): string =>
  JSON.stringify({ model: "up/gpt-x", messages: [{ role: "user", content: "Hello" }], ...extra });

/** An upstream that opens a stream with one word and leaves the rest to the test. */
async function streamingUpstream() {
  const waiting: ((response: ServerResponse) => void)[] = [];
  const arrived: ServerResponse[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('data: {"id":"x","model":"gpt-x","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n');
    const next = waiting.shift();
    if (next === undefined) arrived.push(response);
    else next(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    next: async (): Promise<ServerResponse> =>
      arrived.shift() ?? (await new Promise<ServerResponse>((resolve) => waiting.push(resolve))),
    close: () => server.close(),
  };
}

function folderFor(port: number, extra = ""): string {
  return testFolder({
    "portcullis.yaml": `providers:
  up: { type: openai, base_url: "http://127.0.0.1:${port}/v1" }
  demo: { type: demo }
applications:
  - { name: assistant }
${extra}`,
  });
}

function ask(gateway: TestGateway, body: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body,
    ...(signal === undefined ? {} : { signal }),
  });
}

interface Completed {
  readonly call: string;
  readonly outcome: string;
  readonly usage: { readonly source: string; readonly output_tokens: number };
}

function completions(gateway: TestGateway): readonly Completed[] {
  const entries = JSON.parse(gateway.cli("audit", "list", "--limit", "1000", "--json").stdout);
  return entries.flatMap((entry: { leaf: { type: string } & Completed }) =>
    entry.leaf.type === "call.completed" ? [entry.leaf] : [],
  );
}

test("a client that leaves cancels the upstream, and its call is recorded with the usage so far", async (t) => {
  const upstream = await streamingUpstream();
  const gateway = await startGateway(folderFor(upstream.port));
  t.after(() => gateway.kill());
  const leaving = new AbortController();
  const answer = await ask(gateway, hello({ stream: true }), leaving.signal);
  const call = answer.headers.get("x-portcullis-call");
  const response = await upstream.next();
  leaving.abort();
  await once(response, "close");
  await gateway.stop();
  const again = await startGateway(gateway.folder);
  t.after(() => again.kill());
  const [completed] = completions(again).filter((one) => one.call === call);
  assert.equal(completed?.outcome, "client_closed");
  assert.deepEqual([completed?.usage.source, completed?.usage.output_tokens], ["estimate", 1]);
  await again.close();
  upstream.close();
});

test("a drain lets a running stream finish and records it", async (t) => {
  const upstream = await streamingUpstream();
  const gateway = await startGateway(folderFor(upstream.port));
  t.after(() => gateway.kill());
  const answer = await ask(gateway, hello({ stream: true }));
  const response = await upstream.next();
  const stopped = gateway.stop();
  response.write(
    'data: {"id":"x","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\n',
  );
  response.end("data: [DONE]\n\n");
  assert.match(await answer.text(), /"lo".*\[DONE\]/s);
  await stopped;
  upstream.close();
});

test("an upstream stream that breaks off ends in-band, without [DONE]", async (t) => {
  const upstream = await streamingUpstream();
  const gateway = await startGateway(folderFor(upstream.port));
  t.after(() => gateway.kill());
  const answer = await ask(gateway, hello({ stream: true }));
  (await upstream.next()).destroy();
  const text = await answer.text();
  assert.match(text, /"code":"upstream_invalid"/);
  assert.doesNotMatch(text, /\[DONE\]/);
  assert.equal(completions(gateway)[0]?.outcome, "upstream_invalid");
  await gateway.close();
  upstream.close();
});

test("what cannot be recorded does not happen: 503, nothing sent, and it works again without a restart", async (t) => {
  const upstream = await streamingUpstream();
  const gateway = await startGateway(folderFor(upstream.port));
  t.after(() => gateway.kill());
  const database = new DatabaseSync(join(gateway.folder, "data", "portcullis.db"));
  database.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  const refused = await ask(gateway, hello());
  assert.equal(refused.status, 503);
  assert.equal(Object(await refused.json()).error.code, "trail_unavailable");
  database.exec("ROLLBACK");
  database.close();
  let answer = await ask(gateway, hello({ model: "demo/assistant" }));
  for (let tries = 0; answer.status === 503 && tries < 50; tries += 1) {
    await fetch(`${gateway.url}/readyz`);
    answer = await ask(gateway, hello({ model: "demo/assistant" }));
  }
  assert.equal(answer.status, 200);
  const refusedCall = refused.headers.get("x-portcullis-call");
  assert.ok(
    completions(gateway).every((one) => one.call !== refusedCall),
    "it does not turn up later either",
  );
  await gateway.close();
  upstream.close();
});

test("overload is refused before any work, with a time to come back", async (t) => {
  const upstream = await streamingUpstream();
  const gateway = await startGateway(folderFor(upstream.port, "limits: { concurrency: 1, queue: 0 }\n"));
  t.after(() => gateway.kill());
  const first = await ask(gateway, hello({ stream: true }));
  const response = await upstream.next();
  const second = await ask(gateway, hello());
  assert.deepEqual([second.status, second.headers.get("retry-after")], [503, "1"]);
  response.end(
    'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
  );
  await first.text();
  await gateway.close();
  upstream.close();
});

test("facts too large for the record are refused in words, and leave a trail that verifies", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.kill());
  const name = (at: number): string => `${String.fromCharCode(1).repeat(28)}${String(at).padStart(3, "0")}`;
  const tools = Array.from({ length: 500 }, (_, at) => ({ type: "function", function: { name: name(at) } }));
  const answer = await ask(gateway, hello({ model: "fast", tools }));
  assert.equal(answer.status, 400);
  assert.equal(Object(await answer.json()).error.code, "undescribable");
  await gateway.close();
});

test("headers and a body that are too large are refused", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.kill());
  const big = httpRequest(`${gateway.url}/v1/models`, { headers: { "x-filler": "x".repeat(40_000) } });
  big.end();
  const [response] = await once(big, "response");
  assert.equal(response.statusCode, 431);
  const large = await ask(gateway, "x".repeat(21 * 1024 * 1024));
  assert.equal(large.status, 413);
  await gateway.close();
});
