import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Exposed, parseExposition, sampleOf } from "./exposition.ts";
import { freePort } from "./free-port.ts";
import { setSecret } from "./set-secret.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

function config(port: number, upstream: number, more = ""): string {
  return `metrics: { listen: "127.0.0.1:${port}"${more} }
providers:
  demo: { type: demo }
  up: { type: openai, base_url: "http://127.0.0.1:${upstream}/v1" }
models:
  - { name: fast, targets: [demo/assistant] }
  - { name: failing, targets: [up/known] }
approvals: { wait: 0s }
applications:
  - { name: assistant }
`;
}

/** An upstream that answers everything with this status. */
async function failing(status: number): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/json" });
    response.end('{"error":{"message":"no"}}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

async function ask(
  gateway: TestGateway,
  model: string,
  more: object = {},
  key = gateway.key,
): Promise<number> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }], ...more }),
  });
  await answer.text();
  return answer.status;
}

async function scrape(port: number): Promise<ReadonlyMap<string, Exposed>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await answer.text());
}

test("calls, refusals and failures are counted under names of the config, and no name of a client becomes a label", async (t) => {
  const upstream = await failing(500);
  t.after(() => upstream.close());
  const port = await freePort();
  const gateway = await startGateway(testFolder({ "portcullis.yaml": config(port, upstream.port) }));
  t.after(() => gateway.kill());
  assert.equal(await ask(gateway, "fast"), 200);
  assert.equal(await ask(gateway, "fast", { stream: true }), 200);
  assert.equal(await ask(gateway, "failing"), 500);
  for (let at = 0; at < 20; at += 1) await ask(gateway, `up/invented-${at}`);
  assert.equal(await ask(gateway, "nothing-like-it"), 404);
  assert.equal(await ask(gateway, "fast", {}, "pcl_wrong"), 401);

  const metrics = await scrape(port);
  const demo = {
    gen_ai_operation_name: "chat",
    gen_ai_provider_name: "demo",
    gen_ai_request_model: "assistant",
  };
  assert.equal(sampleOf(metrics, "gen_ai_client_operation_duration_seconds_count", demo), 2);
  assert.equal(sampleOf(metrics, "gen_ai_client_operation_time_to_first_chunk_seconds_count", demo), 1);
  assert.equal(sampleOf(metrics, "gen_ai_server_time_to_first_token_seconds_count", demo), 1);
  assert.equal(
    sampleOf(metrics, "gen_ai_client_token_usage_count", { ...demo, gen_ai_token_type: "input" }),
    2,
  );
  const ok = { application: "assistant", provider: "demo", model: "assistant", outcome: "ok" };
  assert.equal(sampleOf(metrics, "portcullis_calls_total", ok), 2);
  const known = { provider: "up", model: "known", reason: "status_5xx" };
  assert.equal(sampleOf(metrics, "portcullis_provider_errors_total", known), 1);
  assert.equal(sampleOf(metrics, "portcullis_provider_errors_total", { ...known, model: "other" }), 20);
  assert.equal(sampleOf(metrics, "portcullis_refusals_total", { code: "model_not_found" }), 1);
  assert.equal(sampleOf(metrics, "portcullis_refusals_total", { code: "invalid_api_key" }), 1);
  const permitted = { subject: "call", outcome: "permit", reason: "permitted" };
  assert.equal(sampleOf(metrics, "portcullis_decisions_total", permitted), 23);
  assert.ok(sampleOf(metrics, "portcullis_trail_append_seconds_count") >= 47);
  assert.ok(sampleOf(metrics, "portcullis_trail_group_entries_sum") >= 47);
  assert.equal(sampleOf(metrics, "portcullis_trail_available"), 1);
  assert.equal(sampleOf(metrics, "portcullis_calls_in_flight"), 0);
  for (const { samples } of metrics.values()) {
    for (const { labels } of samples)
      assert.doesNotMatch(JSON.stringify(labels), /invented|nothing-like-it|pcl_/);
  }
  assert.equal((await fetch(`${gateway.url}/metrics`)).status, 404, "not where calls are made");
  await gateway.close();
});

test("what is held is counted as held, and is no error of its call", async (t) => {
  const port = await freePort();
  const gateway = await startGateway(testFolder({ "portcullis.yaml": config(port, 1) }));
  t.after(() => gateway.kill());
  const tools = [{ type: "function", function: { name: "send_email", parameters: { type: "object" } } }];
  assert.equal(await ask(gateway, "fast", { tools, tool_choice: "required" }), 200);
  const metrics = await scrape(port);
  const held = { subject: "action", application: "assistant", outcome: "hold", reason: "held" };
  assert.equal(sampleOf(metrics, "portcullis_decisions_total", held), 1);
  await gateway.close();
});

test("with a token, only who sends it may scrape, and without the secret nobody may", async (t) => {
  const port = await freePort();
  const gateway = await startGateway(
    testFolder({ "portcullis.yaml": config(port, 1, ", token: secret://metrics/token") }),
  );
  t.after(() => gateway.kill());
  const status = async (authorization?: string): Promise<number> => {
    const headers = authorization === undefined ? {} : { authorization };
    return (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).status;
  };
  assert.equal(await status("Bearer anything"), 401);
  await setSecret(gateway.folder, "metrics/token", "a-token-for-scrapers");
  assert.equal(await status("Bearer a-token-for-scrapers"), 200);
  assert.equal(await status("bearer a-token-for-scrapers"), 200);
  assert.equal(await status("Bearer a-token-for-scraper"), 401);
  assert.equal(await status(`Bearer ${gateway.key}`), 401, "a key for calls is not one");
  assert.equal(await status(), 401);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { method: "POST" })).status, 405);
  await gateway.close();
});

test("without `metrics` there is none", async () => {
  const gateway = await startGateway();
  assert.equal((await fetch(`${gateway.url}/metrics`)).status, 404);
  await gateway.close();
});
