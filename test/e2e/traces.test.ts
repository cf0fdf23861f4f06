import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type CollectedSpan, startCollector } from "./collector.ts";
import { parseExposition, sampleOf } from "./exposition.ts";
import { freePort } from "./free-port.ts";
import { setSecret } from "./set-secret.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const config = (endpoint: string, more = "", rest = ""): string => `telemetry:
  otlp: { endpoint: "${endpoint}"${more} }
${rest}providers:
  demo: { type: demo }
models:
  - { name: fast, targets: [demo/assistant] }
applications:
  - { name: assistant }
`;

function ask(
  gateway: TestGateway,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ messages: [{ role: "user", content: "Do not tell anybody" }], ...body }),
  });
}

function childrenOf(spans: readonly CollectedSpan[], parent: CollectedSpan | undefined): readonly string[] {
  return spans.filter((one) => one.parentSpanId === parent?.spanId).map(({ name }) => name);
}

test("a call is one span with its steps below it, continues the client's trace, and tells nothing of what was said", async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const gateway = await startGateway(
    testFolder({
      "portcullis.yaml": config(collector.endpoint, ", headers: { x-collector-key: secret://collector/key }"),
    }),
  );
  t.after(() => gateway.kill());
  await setSecret(gateway.folder, "collector/key", "k-123");
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const answered = await ask(
    gateway,
    { model: "fast", stream: true, user: "ana@example.com" },
    { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
  );
  assert.match(await answered.text(), /\[DONE\]/);
  const [call] = await collector.has("chat assistant", 1);
  assert.ok(call);
  assert.equal(call.traceId, traceId);
  assert.equal(call.parentSpanId, "b7ad6b7169203331");
  assert.equal(call.kind, 2, "a server's");
  assert.deepEqual(childrenOf(collector.spans, call).toSorted(), [
    "decide",
    "dispatch chat assistant",
    "record",
    "record",
  ]);
  const { attributes } = call;
  assert.equal(attributes["gen_ai.operation.name"], "chat");
  assert.equal(attributes["gen_ai.provider.name"], "demo");
  assert.equal(attributes["gen_ai.request.model"], "assistant");
  assert.equal(attributes["gen_ai.request.stream"], true);
  assert.equal(attributes["portcullis.application"], "assistant");
  assert.equal(attributes["portcullis.decision"], "permit");
  assert.equal(attributes["portcullis.call"], answered.headers.get("x-portcullis-call"));
  assert.ok(Number(attributes["gen_ai.usage.output_tokens"]) > 0);
  assert.deepEqual(attributes["gen_ai.response.finish_reasons"], ["stop"]);
  for (const one of collector.spans) {
    assert.equal(one.traceId, traceId);
    assert.ok(BigInt(one.startTimeUnixNano) >= BigInt(call.startTimeUnixNano) - 1000n);
    assert.ok(BigInt(one.endTimeUnixNano) <= BigInt(call.endTimeUnixNano) + 1000n);
  }
  assert.equal(collector.resources[0]?.["service.name"], "portcullis");
  assert.equal(collector.headers[0]?.["x-collector-key"], "k-123");
  assert.doesNotMatch(collector.texts.join(), /tell anybody|ana@example|pcl_/);
  await gateway.close();
});

test("a refused call is an error of its code, and one whose client says that it is not sampled is none", async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const gateway = await startGateway(testFolder({ "portcullis.yaml": config(collector.endpoint) }));
  t.after(() => gateway.kill());
  const unsampled = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" };
  assert.equal((await ask(gateway, { model: "fast" }, unsampled)).status, 200);
  assert.equal((await ask(gateway, { model: "unheard-of" }, { traceparent: "00-nonsense" })).status, 404);
  const [refused] = await collector.has("chat", 1);
  assert.equal(refused?.attributes["error.type"], "model_not_found");
  assert.equal(refused?.attributes["http.response.status_code"], 404);
  assert.equal(refused?.status.code, 2);
  assert.equal(refused?.parentSpanId, undefined);
  await gateway.close();
  assert.deepEqual(
    collector.spans.filter(({ name }) => name === "chat assistant"),
    [],
  );
});

test("the provider's part of the trace goes on from our request, and only if the client had begun one", async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  const seen: (string | undefined)[] = [];
  const upstream = createServer((request, response) => {
    seen.push(request.headers["traceparent"]?.toString());
    request.resume();
    response.writeHead(429, { "content-type": "application/json" }).end('{"error":{"message":"slow down"}}');
  });
  upstream.listen(0, "127.0.0.1");
  t.after(() => upstream.close());
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  const text = config(collector.endpoint).replace(
    "demo: { type: demo }",
    `demo: { type: openai, base_url: "http://127.0.0.1:${port}/v1" }`,
  );
  const gateway = await startGateway(testFolder({ "portcullis.yaml": text }));
  t.after(() => gateway.kill());
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  await ask(gateway, { model: "fast" }, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  await ask(gateway, { model: "fast" });
  const dispatched = await collector.has("dispatch chat assistant", 2);
  const [first] = dispatched.filter((one) => one.traceId === traceId);
  assert.deepEqual(seen, [`00-${traceId}-${first?.spanId}-01`, undefined]);
  assert.equal(first?.kind, 3, "a client's");
  assert.equal(first?.attributes["error.type"], "status_429");
  await gateway.close();
});

test("a collector that never answers slows no call and does not keep the gateway from ending", async (t) => {
  const collector = await startCollector();
  t.after(() => collector.close());
  collector.answer = () => {};
  const port = await freePort();
  const gateway = await startGateway(
    testFolder({
      "portcullis.yaml": config(collector.endpoint, "", `metrics: { listen: "127.0.0.1:${port}" }\n`),
    }),
  );
  t.after(() => gateway.kill());
  for (let at = 0; at < 20; at += 1) assert.equal((await ask(gateway, { model: "fast" })).status, 200);
  const page = async () => parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  assert.equal(sampleOf(await page(), "portcullis_spans_total", { fate: "exported" }), 0);
  await gateway.close();
});
