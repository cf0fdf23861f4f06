// HTTP that nobody should speak: the answer is a clean 4xx or a closed connection, nothing is smuggled past the gate, and
// what a client breaks off gives its place back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { rawExchange, statusesOf } from "./raw-http.ts";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const concurrency = 4;
const json = '{"model":"up/gpt-x","messages":[{"role":"user","content":"x"}]}';

let upstream: ScriptedUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await scriptedUpstream((response, _request, body) => {
    if (body.includes('"stream":true')) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}');
  });
  const config = `providers:
  up: { type: openai, base_url: "${upstream.baseUrl}" }
applications:
  - { name: assistant }
limits: { concurrency: ${concurrency}, queue: 0 }
`;
  gateway = await startGateway(testFolder({ "portcullis.yaml": config }));
});
after(async () => {
  upstream.close();
  await gateway.close().finally(() => gateway.kill());
});

/** A request head; `length` null leaves the body's length unsaid. */
function head(extra = "", length: number | string | null = json.length): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer ${gateway.key}\r\ncontent-type: application/json\r\n${length === null ? "" : `content-length: ${length}\r\n`}${extra}\r\n`;
}
const last = "connection: close\r\n";

function send(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  return rawExchange(gateway.url, parts);
}

/** A 4xx or nothing at all, then the end of the connection; nothing reached the upstream or the trail. */
async function assertTurnedAway(name: string, ...parts: readonly (string | Uint8Array)[]): Promise<void> {
  const before = [upstream.bodies.length, (await readTrail(gateway)).length];
  const statuses = statusesOf(await send(...parts));
  assert.ok(statuses.length <= 1 && statuses.every((one) => one >= 400 && one < 500), `${statuses}: ${name}`);
  assert.deepEqual([upstream.bodies.length, (await readTrail(gateway)).length], before, name);
}

/** An ordinary call, once the places of those before it are free again. */
async function assertServes(): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const received = await send(head(last), json);
    if (statusesOf(received)[0] !== 503) return assert.match(received, /^HTTP\/1\.1 200 .*"Hi"/s);
  }
  assert.fail("the gateway has no place left");
}

test("a chunked body is read whole, however small its chunks, with extensions and trailers", async () => {
  const small = [...json].map((one) => `1;ext="\u00e9"\r\n${one}\r\n`);
  const received = await send(
    head(`transfer-encoding: chunked\r\ntrailer: x\r\n${last}`, null),
    ...small,
    "0\r\nx-api-key: pcl_other\r\n\r\n",
  );
  assert.deepEqual(statusesOf(received), [200]);
  assert.equal(upstream.bodies.at(-1)?.toString(), json.replace("up/", ""));
});

test("pipelined requests are answered in order, each on its own, a refused one and a stream among them", async () => {
  const stream = json.replace("{", '{"stream":true,');
  const received = await send(head("", stream.length), stream, head("", 3), "{,}", head(last), json);
  assert.deepEqual(statusesOf(received), [200, 400, 200]);
  assert.match(received, /\[DONE\].*"code":"invalid_json".*"Hi"/s);
  const calls = [...received.matchAll(/x-portcullis-call: (\S+)/g)].map(([, call]) => call);
  const completed = leavesOf(await readTrail(gateway), "call.completed");
  assert.deepEqual(
    calls.map((call) => completed.filter((leaf) => leaf.call === call).map((leaf) => leaf.status)),
    [[200], [400], [200]],
  );
});

test("a client that expects 100-continue gets it, and one that expects anything else is refused", async () => {
  assert.deepEqual(statusesOf(await send(head(`expect: 100-continue\r\n${last}`), json)), [100, 200]);
  await assertTurnedAway("expect", head(`expect: a-miracle\r\n${last}`), json);
  const tooLarge = await send(head(`expect: 100-continue\r\n${last}`, 1e9));
  assert.deepEqual(
    statusesOf(tooLarge).filter((status) => status !== 100),
    [413],
  );
});

test("requests that two readers would frame differently are turned away", async () => {
  const chunked = "transfer-encoding: chunked\r\n";
  const smuggled = `0\r\n\r\n${head(last)}${json}`;
  for (const [name, ...parts] of [
    ["both lengths", head(chunked), smuggled],
    ["two lengths", head("content-length: 3\r\n"), json],
    ["a negative length", head("", -5), json],
    ["a length with a sign", head("", `+${json.length}`), json],
    ["a length beyond counting", head("", "9".repeat(30)), json],
    ["chunked is not the last coding", head("transfer-encoding: chunked, gzip\r\n", null), smuggled],
    ["an unknown coding", head("transfer-encoding: chunkedx\r\n", null), smuggled],
    ["a chunk of no size", head(chunked, null), `zz\r\n${json}\r\n0\r\n\r\n`],
    ["a chunk of a size beyond counting", head(chunked, null), `${"f".repeat(20)}\r\n${json}`],
    ["a chunk longer than it says", head(chunked, null), `3\r\n${json}\r\n0\r\n\r\n`],
    ["a folded header", head("x-a: b\r\n c\r\n"), json],
    ["a space before the colon", head("x-a : b\r\n"), json],
    ["a bare carriage return", head("x-a: b\rx-c: d\r\n"), json],
    ["a NUL in a header", head("x-a: \0b\r\n"), json],
    ["no host", head().replace("host: gate\r\n", last), json],
  ] as const) {
    await assertTurnedAway(name, ...parts);
  }
  await assertServes();
});

test("what is no HTTP at all, or no HTTP of ours, is turned away", async () => {
  for (const [name, ...parts] of [
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["no version", "GET /v1/models\r\n\r\n"],
    ["CONNECT", "CONNECT upstream:443 HTTP/1.1\r\nhost: upstream\r\n\r\n"],
    ["TRACE", `TRACE /v1/models HTTP/1.1\r\nhost: gate\r\n${last}\r\n`],
    ["a path that is no URL", `GET /v1/%zz HTTP/1.1\r\nhost: gate\r\n${last}\r\n`],
    ["a path upwards", head(last).replace("/v1/chat/completions", "/v1/../v1/chat/./completions"), json],
    ["two kinds of keys", head(`x-api-key: pcl_other\r\n${last}`), json],
  ] as const) {
    await assertTurnedAway(name, ...parts);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (random) => {
      await assertTurnedAway(Buffer.from(random).toString("hex"), random, "\r\n\r\n\r\n");
    }),
    { seed: 20_261_125, numRuns: 40 },
  );
  await assertServes();
});

test("a huge count of headers, a huge header and a huge path are refused", async () => {
  for (const count of [1000, 5000, 100_000]) {
    const headers = Array.from({ length: count }, (_, at) => `x-${at}: ${at}\r\n`).join("");
    await assertTurnedAway(`${count} headers`, head(headers + last), json);
  }
  await assertTurnedAway("a huge header", head(`x-a: ${"a".repeat(1_000_000)}\r\n${last}`), json);
  await assertTurnedAway("a huge path", `GET /${"a".repeat(1_000_000)} HTTP/1.1\r\nhost: gate\r\n\r\n`);
  await assertServes();
});

test("a body that breaks off is no call, and gives its place back, however often", async () => {
  const before = (await readTrail(gateway)).length;
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(
      Array.from({ length: concurrency }, async (_, at) => {
        const cut = at % 2 === 0 ? head("", 500) : head("transfer-encoding: chunked\r\n", null);
        const received = await rawExchange(gateway.url, [cut, at % 2 === 0 ? json : "ff\r\n{"], "leave");
        assert.ok(
          statusesOf(received).every((status) => status === 400 || status === 503),
          received,
        );
      }),
    );
  }
  assert.equal((await readTrail(gateway)).length, before);
  await Promise.all(Array.from({ length: concurrency }, () => assertServes()));
});
