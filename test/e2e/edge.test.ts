// What clients do at the gate's edge before, beside and after a call: coming without a key, leaving while they wait, not
// reading, not finishing. None of it may cost anybody else a slot, or keep the gateway from closing.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { rawExchange, statusesOf } from "./raw-http.ts";
import { scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const hello = '{"model":"demo/assistant","messages":[{"role":"user","content":"Hello"}]}';

interface Setting {
  readonly config?: string;
  readonly upstream?: string;
  readonly policies?: string;
}

function folderWith({ config = "", upstream = "http://127.0.0.1:9/v1", policies }: Setting): string {
  const folder = testFolder({
    "portcullis.yaml": `providers:
  demo: { type: demo }
  up: { type: openai, base_url: "${upstream}" }
applications:
  - { name: assistant }
${config}`,
  });
  if (policies !== undefined) {
    mkdirSync(join(folder, "policies"));
    writeFileSync(join(folder, "policies", "test.cedar"), policies);
  }
  return folder;
}

async function gatewayWith(t: TestContext, setting: Setting = {}): Promise<TestGateway> {
  const gateway = await startGateway(folderWith(setting));
  t.after(() => gateway.kill());
  return gateway;
}

/** The head of a call; without `key` nobody's. */
function head(key: string | null, more: string): string {
  const credentials = key === null ? "" : `authorization: Bearer ${key}\r\n`;
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\n${credentials}content-type: application/json\r\n${more}\r\n`;
}

/** A connection on which this was said, and which is not read. */
async function opened(t: TestContext, gateway: TestGateway, said: string): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(said, resolve));
  // The gateway takes what is said in turn: with this answered it has heard the other.
  await fetch(`${gateway.url}/healthz`);
  return socket;
}

async function left(socket: Socket, gateway: TestGateway): Promise<void> {
  socket.destroy();
  await once(socket, "close");
  await fetch(`${gateway.url}/healthz`);
}

async function call(gateway: TestGateway, headers: Readonly<Record<string, string>> = {}, body = hello) {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", ...headers },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  return { status: answer.status, text: await answer.text() };
}

test("clients that leave while they wait for a slot leave none behind, and the gateway still closes", async (t) => {
  const gateway = await gatewayWith(t, { config: "limits: { concurrency: 2, queue: 10 }" });
  const half = `${head(gateway.key, "content-length: 100\r\n")}{"model":`;
  const working = [await opened(t, gateway, half), await opened(t, gateway, half)];
  const waiting = [await opened(t, gateway, half), await opened(t, gateway, half)];
  for (const socket of [...waiting, ...working]) await left(socket, gateway);
  for (let round = 0; round < 3; round += 1) assert.equal((await call(gateway)).status, 200);
  await gateway.close();
});

test("who has no valid key is answered on the head alone, takes no slot and is let go of", async (t) => {
  const gateway = await gatewayWith(t, { config: "limits: { concurrency: 1, queue: 0 }" });
  const other = `pcl_${"A".repeat(49)}`;
  for (const key of [null, other]) {
    const half = `${head(key, "content-length: 19000000\r\n")}{"model":`;
    const answers = Array.from({ length: 3 }, () => rawExchange(gateway.url, [half]));
    const [answer] = await Promise.all(answers);
    assert.match(answer ?? "", /^HTTP\/1.1 401 .*connection: close.*_api_key"/is);
    const held = await opened(t, gateway, half);
    assert.equal((await call(gateway)).status, 200);
    await left(held, gateway);
  }
  const unknown = head(null, "content-length: 19000000\r\n").replace("chat/completions", "nothing");
  assert.match(await rawExchange(gateway.url, [unknown, "{"]), /^HTTP\/1.1 404 .*connection: close/is);
  assert.equal(leavesOf(await readTrail(gateway), "call.completed").length, 2, "strangers are not on record");
  await gateway.close();
});

test("a refused body is read past for a while, so that its sender gets the answer and not a reset", async (t) => {
  const gateway = await gatewayWith(t);
  const large = `{"model":"demo/assistant","messages":[],"x":"${"x".repeat(8_000_000)}"}`;
  for (let round = 0; round < 5; round += 1) {
    const { status } = await call(gateway, { authorization: "Bearer pcl_wrong" }, large);
    assert.equal(status, 401);
  }
  await gateway.close();
});

test("guesses are counted on the head as well, and slowed down", async (t) => {
  const gateway = await gatewayWith(t);
  const statuses = new Set<number>();
  for (let guess = 0; guess < 62; guess += 1) {
    statuses.add((await call(gateway, { authorization: `Bearer pcl_${"A".repeat(49)}` })).status);
  }
  assert.deepEqual([...statuses], [401, 429]);
  assert.equal((await call(gateway)).status, 200);
  await gateway.close();
});

test("a drain ends within its time, whatever clients leave unread or unsaid, and on record", async (t) => {
  const word = `data: {"id":"x","choices":[{"index":0,"delta":{"content":"${"x".repeat(60_000)}"}}]}\n\n`;
  const upstream = await scriptedUpstream((response, _request, body) => {
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { "content-type": "application/json" });
      const content = "x".repeat(15_000_000);
      response.end(`{"choices":[{"index":0,"message":{"content":"${content}"},"finish_reason":"stop"}]}`);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      while (!response.destroyed && response.write(word));
    };
    response.on("drain", more);
    more();
  });
  t.after(() => upstream.close());
  const setting = { upstream: upstream.baseUrl, config: "limits: { drain: 1s }" };
  const gateway = await gatewayWith(t, setting);
  const asks = (more: string): string => {
    const body = `{"model":"up/m","messages":[{"role":"user","content":"x"}]${more}}`;
    return `${head(gateway.key, `content-length: ${body.length}\r\n`)}${body}`;
  };
  for (const said of [
    asks(',"stream":true'),
    asks(""),
    `${head(null, "content-length: 100\r\n")}{`,
    `${head(gateway.key, "content-length: 100\r\n")}{`,
    "POST /v1/chat",
    "",
  ]) {
    (await opened(t, gateway, said)).pause();
  }
  while (upstream.bodies.length < 2) await fetch(`${gateway.url}/healthz`);
  const started = performance.now();
  await gateway.stop();
  // One second of drain and at most four of closing; verifying the trail takes the rest.
  assert.ok(performance.now() - started < 10_000);
  const completed = leavesOf(await readTrail(gateway), "call.completed");
  assert.equal(completed.length, 2);
  assert.ok(completed.some((leaf) => leaf.outcome === "client_closed" && leaf.usage.source === "estimate"));
});

test("differing keys in one request are refused however they are sent, equal ones are fine", async (t) => {
  const gateway = await gatewayWith(t);
  const said = (headers: string): string =>
    `${head(null, `connection: close\r\n${headers}content-length: ${hello.length}\r\n`)}${hello}`;
  const right = `Bearer ${gateway.key}`;
  for (const [headers, status] of [
    [`authorization: ${right}\r\nauthorization: Bearer pcl_other\r\n`, 400],
    [`authorization: Bearer pcl_other\r\nauthorization: ${right}\r\n`, 400],
    [`authorization: ${right}, Bearer pcl_other\r\n`, 400],
    [`x-api-key: ${gateway.key}\r\nx-api-key: pcl_other\r\n`, 400],
    [`api-key: ${gateway.key}\r\nauthorization: Bearer pcl_other\r\n`, 400],
    [`authorization: ${right}\r\nAuthorization: ${right}\r\nx-api-key: ${gateway.key}\r\n`, 200],
  ] as const) {
    const received = await rawExchange(gateway.url, [said(headers)]);
    assert.deepEqual(statusesOf(received), [status], headers);
    if (status === 400) assert.match(received, /"code":"conflicting_credentials"/);
  }
  const models = `GET /v1/models HTTP/1.1\r\nhost: gate\r\nconnection: close\r\nauthorization: ${right}\r\n`;
  const both = await rawExchange(gateway.url, [`${models}authorization: Bearer pcl_other\r\n\r\n`]);
  assert.deepEqual(statusesOf(both), [400]);
  await gateway.close();
});

test("a compressed body and one in another charset are told apart from broken JSON", async (t) => {
  const gateway = await gatewayWith(t);
  const gzipped = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${gateway.key}`,
      "content-type": "application/json",
      "content-encoding": "gzip",
    },
    body: Uint8Array.from(gzipSync(hello)),
  });
  assert.equal(gzipped.status, 415);
  assert.equal(Object(await gzipped.json()).error.code, "unsupported_media_type");
  assert.equal((await call(gateway, { "content-type": "application/json; charset=utf-16" })).status, 415);
  assert.equal((await call(gateway, { "content-type": "application/json; charset=utf-8" })).status, 200);
  await gateway.close();
});

test("`--listen` is held to the rule that the config is held to", async (t) => {
  const gateway = await gatewayWith(t);
  for (const listen of ["0.0.0.0:0", "[::]:0", "127.evil.example:80"]) {
    const refused = gateway.cli("up", "--listen", listen);
    assert.equal(refused.status, 2, listen);
    assert.match(
      refused.stderr,
      /beyond loopback TLS is needed; set `server.tls`, or name the proxy/,
      listen,
    );
  }
  await gateway.close();
});

test("what a trusted proxy says of addresses must be one, whatever was decided before", async (t) => {
  const policies = `@id("near") permit (principal, action, resource)
when { context.source_address.isInRange(ip("203.0.113.0/24")) };`;
  const config = 'server: { trusted_proxies: ["127.0.0.1"] }';
  const gateway = await gatewayWith(t, { config, policies });
  const from = async (address: string): Promise<number> =>
    (await call(gateway, { "x-forwarded-for": address })).status;
  assert.equal(await from("203.0.113.5:4711"), 200);
  assert.equal(await from("1.1.1.1, 203.0.113.5"), 200);
  assert.equal(await from("[2001:db8::1]:4711"), 403);
  for (const address of ["unknown", "203.0.113.5:x", "203.0.113.0/24"]) {
    const before = (await readTrail(gateway)).length;
    assert.equal(await from(address), 400, address);
    assert.equal((await readTrail(gateway)).length, before, "it is not recorded as text");
  }
  const headers = { authorization: `Bearer ${gateway.key}`, "x-forwarded-for": "unknown" };
  assert.equal((await fetch(`${gateway.url}/v1/models`, { headers })).status, 400);
  await gateway.close();
});

test("a rule about a provider that is not configured is an error that says so", async () => {
  const policies = `@id("calls") permit (principal, action, resource);
@id("no-openai") forbid (principal, action, resource in Portcullis::Provider::"opnai");`;
  const starting = startGateway(folderWith({ policies })).then((gateway) => gateway.kill());
  await assert.rejects(starting, /no provider `opnai` is configured/);
});

test("100-continue is not sent before the key is known and the body may come", async (t) => {
  const gateway = await gatewayWith(t);
  const expecting = `expect: 100-continue\r\nconnection: close\r\ncontent-length: ${hello.length}\r\n`;
  assert.deepEqual(statusesOf(await rawExchange(gateway.url, [head(null, expecting)])), [401]);
  assert.deepEqual(
    statusesOf(await rawExchange(gateway.url, [head(gateway.key, expecting), hello])),
    [100, 200],
  );
  const large = expecting.replace(/\d+(?=\r\n$)/, "900000000");
  assert.deepEqual(statusesOf(await rawExchange(gateway.url, [head(gateway.key, large)])), [413]);
  await gateway.close();
});

test("other methods get an answer that helps, and HTTP/1.0 gets its answer and a closed connection", async (t) => {
  const gateway = await gatewayWith(t);
  for (const method of ["OPTIONS", "GET", "PUT"]) {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method });
    assert.equal(answer.status, 404);
    assert.match(
      Object(await answer.json()).error.message,
      /this gateway serves POST \/v1\/chat\/completions/,
    );
  }
  const authorization = `Bearer ${gateway.key}`;
  const listed = await fetch(`${gateway.url}/v1/models`, { method: "HEAD", headers: { authorization } });
  assert.deepEqual([listed.status, await listed.text()], [200, ""]);
  const unlisted = await fetch(`${gateway.url}/v1/chat/completions`, { method: "HEAD" });
  assert.deepEqual([unlisted.status, await unlisted.text()], [404, ""]);
  const stream = hello.replace("{", '{"stream":true,');
  for (const body of [hello, stream]) {
    const old = head(gateway.key, `content-length: ${body.length}\r\n`).replace("HTTP/1.1", "HTTP/1.0");
    const received = await rawExchange(gateway.url, [old, body]);
    assert.match(received, /^HTTP\/1.1 200 .*connection: close/is);
    assert.doesNotMatch(received, /transfer-encoding/i);
    assert.match(received, body === stream ? /\[DONE\]\s*$/ : /"finish_reason"/);
  }
  await gateway.close();
});
