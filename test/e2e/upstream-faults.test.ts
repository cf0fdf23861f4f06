// Every way in which an upstream can go wrong on the wire, through a whole gateway: what the client is told, that nothing
// broken is handed on as an answer, and what the trail says of it.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type RawUpstream, rawUpstream } from "../../src/providers/raw-upstream.test-support.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { completionOf } from "./trail.ts";

type Said = string | Uint8Array | ((socket: Socket) => void);

const answer =
  '{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}';
const ok = (more = ""): string => `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${more}\r\n`;
const sized = (body: string, more = ""): string =>
  `${ok(`content-length: ${body.length}\r\n${more}`)}${body}`;
const events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const word = 'data: {"id":"x","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n';
const stop = 'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n';

let upstream: RawUpstream;
let gateway: TestGateway;
/** What is said to the call for each model: the first to its first request, and so on, the last for ever. */
const scripts = new Map<string, readonly Said[]>();
const asked = new Map<string, number>();
let models = 0;

before(async () => {
  upstream = await rawUpstream((socket, request) => {
    const [, model = ""] = /"model":"([^"]+)"/.exec(request) ?? [];
    const script = scripts.get(model) ?? [];
    const said = script[Math.min(asked.get(model) ?? 0, script.length - 1)] ?? "";
    asked.set(model, (asked.get(model) ?? 0) + 1);
    if (typeof said === "function") said(socket);
    else socket.end(said);
  });
  gateway = await startGateway(
    testFolder({
      "portcullis.yaml": `providers:
  up: { type: openai, base_url: "${upstream.url}/v1", timeout: 1s }
models:
  - { name: patient, targets: [up/patient], retries: 2 }
  - { name: bounded, targets: [up/bounded], total_timeout: 500ms }
  - { name: quick, targets: [up/slow, up/swift], timeout: 200ms }
  - { name: later, targets: [up/later], retries: 1 }
applications:
  - { name: assistant }
limits: { response: 1MiB, drain: 1s }
`,
    }),
  );
});
after(async () => {
  await gateway.kill();
  await upstream[Symbol.asyncDispose]();
});

async function call(model: string, stream = false) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "x" }],
      ...(stream ? { stream } : {}),
    }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

/** A call to a model of its own, whose upstream says this. */
async function met(said: Said, stream = false) {
  models += 1;
  const model = `m${models}`;
  scripts.set(model, [said]);
  const got = await call(`up/${model}`, stream);
  return { ...got, completed: await completionOf(gateway, got.headers.get("x-portcullis-call")) };
}

for (const [name, said] of [
  ["JSON that is cut off", sized(answer.slice(0, -1))],
  ["garbage after the JSON", sized(`${answer}<!-- served by -->`)],
  ["a second JSON document", sized(`${answer}\n${answer}`)],
  ["nothing", sized("")],
  ["a page for people", sized("<html>It works!</html>")],
  [
    "204 with an answer in it",
    `HTTP/1.1 204 No Content\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`,
  ],
  ["a redirect", "HTTP/1.1 308 X\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"],
  ["a length that is too long", ok("content-length: 5000\r\n") + answer],
  ["an end within a chunk", `${ok("transfer-encoding: chunked\r\n")}fff\r\n${answer}`],
  ["HTTP/1.0 that ends too early", `HTTP/1.0 200 OK\r\n\r\n${answer.slice(0, 40)}`],
  ["a header flood", `${ok("x-a: 0123456789\r\n".repeat(10_000))}${answer}`],
  ["interim answers without end", "HTTP/1.1 102 Processing\r\n\r\n".repeat(100)],
  ["a stream that nobody asked for", `${events}${word}${stop}data: [DONE]\n\n`],
  ["a stream labelled as text", `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${word}${stop}`],
  [
    "a bomb that says what it is",
    Buffer.concat([Buffer.from(ok("content-encoding: gzip\r\n")), gzipSync(Buffer.alloc(50_000_000))]),
  ],
  ["compression that is not declared", Buffer.concat([Buffer.from(ok()), gzipSync(answer)])],
  ["no HTTP at all", "SSH-2.0-odd\r\n"],
] as const) {
  test(`an upstream that answers with ${name}: 502, nothing of it is handed on, and it is on record`, async () => {
    const { status, text, completed } = await met(said);
    assert.deepEqual([status, JSON.parse(text).error.code], [502, "upstream_invalid"], text);
    assert.doesNotMatch(text, /"choices"/);
    assert.deepEqual(
      [completed?.outcome, completed?.dispatches, completed?.failed],
      ["upstream_invalid", 1, undefined],
    );
  });
}

for (const [name, said] of [
  [
    "another content type",
    `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`,
  ],
  ["HTTP/1.0", `HTTP/1.0 200 OK\r\n\r\n${answer}`],
  [
    "chunk extensions",
    `${ok("transfer-encoding: chunked\r\n")}${answer.length.toString(16)};x="y"\r\n${answer}\r\n0\r\n\r\n`,
  ],
  ["more than its length", `${sized(answer)}${sized('{"choices":[]}')}`],
] as const) {
  test(`an answer that is whole passes with ${name}, as JSON`, async () => {
    const { status, headers, text, completed } = await met(said);
    assert.deepEqual([status, text, completed?.outcome], [200, answer, "ok"]);
    assert.match(headers.get("content-type") ?? "", /^application\/json/);
  });
}

test("an error with the status 200 reaches the client as it is, and is on record as an error", async () => {
  const error = '{"error":{"message":"out of luck","code":"odd"}}';
  const { status, text, completed } = await met(sized(error));
  assert.deepEqual([status, text, completed?.outcome], [200, error, "upstream_error"]);
});

for (const [name, said] of [
  ["ends before its answer", `${events}${word}`],
  ["is no JSON", `${events}${word}data: nothing\n\n`],
  ["holds two documents in an event", `${events}${word}data: {"choices":[]}{}\n\n`],
  ["ends within an event", `${events}${word}data: {"id":`],
] as const) {
  test(`a stream that ${name} ends in-band, without [DONE]`, async () => {
    const { status, text, completed } = await met(said, true);
    assert.equal(status, 200);
    assert.match(text, /"hi"[\s\S]*"code":"upstream_invalid"/);
    assert.doesNotMatch(text, /\[DONE\]/);
    assert.equal(completed?.outcome, "upstream_invalid");
  });
}

test("a stream whose answer is complete needs no [DONE], and gets none of our making", async () => {
  const { text, completed } = await met(`${events}${word}${stop}`, true);
  assert.match(text, /"finish_reason":"stop"/);
  assert.doesNotMatch(text, /\[DONE\]|upstream_invalid/);
  assert.equal(completed?.outcome, "ok");
});

test("silence is a time-out, before the answer and within a stream", async () => {
  const before = await met(() => {});
  assert.deepEqual([before.status, JSON.parse(before.text).error.code], [504, "upstream_timeout"]);
  const within = await met((socket) => void socket.write(`${events}${word}`), true);
  assert.match(within.text, /"hi"[\s\S]*"code":"upstream_timeout"/);
  assert.equal(within.completed?.outcome, "upstream_timeout");
});

test("a stream without end is ended when the call has taken as long as it may, and its upstream is let go of", async () => {
  const closed = Promise.withResolvers<void>();
  scripts.set("bounded", [
    (socket) => {
      socket.write(events);
      const timer = setInterval(() => socket.write(word), 20);
      socket.on("close", () => {
        clearInterval(timer);
        closed.resolve();
      });
    },
  ]);
  const { headers, text } = await call("bounded", true);
  assert.match(text, /"code":"upstream_timeout"/);
  await closed.promise;
  const completed = await completionOf(gateway, headers.get("x-portcullis-call"));
  assert.deepEqual([completed?.outcome, completed?.usage.source], ["upstream_timeout", "estimate"]);
});

test("a target that is slower than its alias allows is left for the next", async () => {
  scripts.set("slow", [() => {}]);
  scripts.set("swift", [sized(answer)]);
  const { status, headers } = await call("quick");
  assert.deepEqual([status, headers.get("x-portcullis-model")], [200, "up/swift"]);
  const completed = await completionOf(gateway, headers.get("x-portcullis-call"));
  assert.deepEqual(completed?.failed, [
    { dispatch: 1, reason: "timeout", sent: true, status: null, target: "up/slow" },
  ]);
});

test("a reset and a refusal for now are tried again, and the answer says nothing of it but the trail does", async () => {
  const busy = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 2\r\n\r\n{}";
  scripts.set("patient", [(socket) => void socket.resetAndDestroy(), busy, sized(answer)]);
  const { status, headers, text } = await call("patient");
  assert.deepEqual([status, text], [200, answer]);
  const completed = await completionOf(gateway, headers.get("x-portcullis-call"));
  assert.deepEqual([completed?.outcome, completed?.dispatches], ["ok", 3]);
  assert.deepEqual(
    completed?.failed?.map(({ reason, status }) => [reason, status]),
    [
      ["unreachable", null],
      ["status", 503],
    ],
  );
});

test("a model that keeps failing is not asked any more, and the client is told when to come back", async () => {
  const down = "HTTP/1.1 502 Down\r\ncontent-length: 2\r\n\r\n{}";
  scripts.set("down", [down]);
  for (let round = 0; round < 5; round += 1) assert.equal((await call("up/down")).status, 502);
  const { status, headers, text } = await call("up/down");
  assert.deepEqual([status, JSON.parse(text).error.code], [503, "circuit_open"]);
  assert.match(headers.get("retry-after") ?? "", /^[1-5]$/);
  assert.equal(asked.get("down"), 5);
  const completed = await completionOf(gateway, headers.get("x-portcullis-call"));
  assert.deepEqual(
    [completed?.outcome, completed?.reason, completed?.dispatches],
    ["upstream_unreachable", "circuit_open", 0],
  );
  scripts.set("another", [sized(answer)]);
  assert.equal((await call("up/another")).status, 200, "other models of the provider are asked as before");
});

test("a drain does not wait for a retry longer than it may, and the call is on record", async () => {
  const arrived = Promise.withResolvers<void>();
  scripts.set("later", [
    (socket) => {
      socket.end("HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 2\r\n\r\n{}");
      arrived.resolve();
    },
  ]);
  const waiting = call("later").catch(() => null);
  await arrived.promise;
  await gateway.stop();
  await waiting;
  assert.equal(asked.get("later"), 1);
});
