import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { testAuthority } from "../providers/certificates.test-support.ts";
import { Listener } from "./listener.ts";

const times = { headMs: 150, requestMs: 300, idleMs: 60_000, checkMs: 20 };

async function setUp(t: TestContext) {
  const listener = new Listener({ headerBytes: 16_384, connections: 100, tls: null, times });
  const app = Fastify({
    serverFactory: (handler) => listener.serve(handler),
    clientErrorHandler: () => {},
    forceCloseConnections: "idle",
  });
  app.addHook("preParsing", async (request, reply) => {
    if (listener.expectsContinue(request.raw)) reply.raw.writeContinue();
  });
  app.post("/", async () => "ok");
  const url = new URL(await listener.listen(app, "127.0.0.1", 0));
  t.after(async () => {
    await listener.close(0);
    await app.close();
  });
  const client = (said: string): Socket => {
    const socket = connect(Number(url.port), url.hostname);
    socket.write(said);
    return socket;
  };
  return { listener, app, client };
}

const head = (more: string): string => `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n${more}`;

test("a head that does not come to its end is answered 408 and closed", async (t) => {
  const { client } = await setUp(t);
  for (const said of ["", "POST /", head("x-a: b\r\n")]) {
    assert.match(await text(client(said)), /^HTTP\/1.1 408 .*in time.*"code":"invalid_request"/s, said);
  }
});

test("a body that trickles is answered 408 and closed, however busy it looks", async (t) => {
  const { client } = await setUp(t);
  const socket = client(head("content-length: 1000\r\n\r\n"));
  const trickle = setInterval(() => socket.write("x"), 10);
  t.after(() => clearInterval(trickle));
  // Not by its end: what is written to a connection that is closed already can end it with a reset.
  let answer = "";
  const answered = new Promise((resolve) => {
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.once("error", resolve).once("close", resolve);
  });
  await answered;
  assert.match(answer, /^HTTP\/1.1 408 /);
});

test("what is not HTTP is told so in the shape of every other refusal", async (t) => {
  const { client } = await setUp(t);
  const answer = await text(client("\x16\x03\x01 hello\r\n\r\n"));
  assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\nconnection: close/);
  const { error, portcullis } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
  assert.deepEqual([error.code, portcullis.call], ["invalid_request", null]);
  assert.match(await text(client(`GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`)), /^HTTP\/1.1 431 /);
});

test("closing ends within its time, whatever connections are at", async (t) => {
  const { listener, client } = await setUp(t);
  const sockets = ["", "POST /", head("content-length: 5\r\n\r\nab")].map(client);
  const ends = sockets.map((socket) => text(socket.on("error", () => {})).catch(() => "reset"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const started = performance.now();
  await listener.close(50);
  assert.ok(performance.now() - started < 1000);
  await Promise.all(ends);
});

test("closing lets a request under way finish", async (t) => {
  const { listener, client, app } = await setUp(t);
  const arrived = once(app.server, "request");
  const socket = client(head("connection: close\r\ncontent-length: 5\r\n\r\nab"));
  await arrived;
  const closed = listener.close(5000);
  socket.write("cde");
  assert.match(await text(socket), /^HTTP\/1.1 200 .*ok$/s);
  await closed;
});

test("`localhost` is listened to at all of its addresses, and closing closes them all", async () => {
  const listener = new Listener({ headerBytes: 16_384, connections: 100, tls: null, times });
  const app = Fastify({ serverFactory: (handler) => listener.serve(handler) });
  app.get("/", async () => "ok");
  const url = await listener.listen(app, "LOCALHOST", 0);
  const answer = await fetch(`http://localhost:${new URL(url).port}/`);
  assert.equal(await answer.text(), "ok");
  await listener.close(0);
  await app.close();
});

test("a connection without its TLS handshake does not hold up the end", async () => {
  const tls = { ...testAuthority().issue(), clientCa: null };
  const listener = new Listener({ headerBytes: 16_384, connections: 100, tls });
  const server = listener.serve(() => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const silent = connect(address.port, "127.0.0.1").on("error", () => {});
  await once(server, "connection");
  const gone = once(silent.resume(), "close");
  const from = performance.now();
  await listener.close(0);
  await gone;
  assert.ok(performance.now() - from < 5_000, "and its handshake has 30 s");
});
