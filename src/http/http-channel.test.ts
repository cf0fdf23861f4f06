import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { HttpChannel } from "./http-channel.ts";

/** More than the buffers of two kernels hold for one connection. */
const much = Buffer.alloc(32 * 1024 * 1024, "x");
const get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/** A server whose requests' channels come out of `next`, and a client of it. */
async function setUp(t: TestContext, stallMs: number) {
  const channels: HttpChannel[] = [];
  const server = createServer((_request, response) => {
    channels.push(new HttpChannel(response, { writeStallMs: stallMs }));
    server.emit("channel");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client: Socket = connect(port, "127.0.0.1");
  client.on("error", () => {});
  t.after(() => {
    client.destroy();
    server.close();
    server.closeAllConnections();
  });
  const next = async (): Promise<HttpChannel> => {
    const waiting = channels.length > 0 ? null : once(server, "channel");
    client.write(get);
    await waiting;
    const channel = channels.shift();
    assert.ok(channel);
    return channel;
  };
  return { client, next };
}

const closedOf = (channel: HttpChannel): Promise<void> =>
  new Promise((resolve) => channel.whenClosed(resolve));

test("a client that does not read its stream is given up: the wait ends, and it counts as gone", async (t) => {
  const { client, next } = await setUp(t, 100);
  client.pause();
  const channel = await next();
  channel.open(200, {}, "sse");
  await channel.write(much);
  assert.ok(channel.signal.aborted);
  assert.ok(channel.closed);
});

test("a client that does not read its whole answer is given up as well", async (t) => {
  const { client, next } = await setUp(t, 100);
  client.pause();
  const channel = await next();
  channel.respond(200, {}, much);
  await closedOf(channel);
  assert.ok(channel.signal.aborted);
});

test("a client that reads slowly gets everything, however long that takes", async (t) => {
  const { client, next } = await setUp(t, 400);
  const channel = await next();
  const started = performance.now();
  channel.respond(200, {}, much);
  let received = 0;
  for await (const chunk of client) {
    const before = Math.floor(received / 2_000_000);
    received += chunk.length;
    if (received >= much.length) break;
    // A pause now and then, each shorter than what counts as not reading, together longer.
    if (Math.floor(received / 2_000_000) > before) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(performance.now() - started > 400);
  assert.ok(received >= much.length);
});

test("a drain does not wait for a client that does not read", async (t) => {
  const { client, next } = await setUp(t, 60_000);
  client.pause();
  const channel = await next();
  channel.open(200, {}, "sse");
  const written = channel.write(much);
  channel.abort();
  await written;
  assert.ok(!channel.closed, "what becomes of the connection is not decided here");
});

test("a pipelined call learns that its client is gone although its turn has not come", async (t) => {
  const { client, next } = await setUp(t, 60_000);
  const first = await next();
  const second = await next();
  first.open(200, {}, "sse");
  const closed = Promise.all([closedOf(first), closedOf(second)]);
  client.destroy();
  await closed;
  assert.ok(first.signal.aborted && second.signal.aborted);
});

test("a pipelined answer that waits for the one before it is not taken for an unread one", async (t) => {
  const { client, next } = await setUp(t, 50);
  const first = await next();
  const second = await next();
  first.open(200, {}, "sse");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  second.respond(200, {}, Buffer.from("second"));
  t.mock.timers.tick(200);
  t.mock.timers.reset();
  // What was cut is told to be closed a turn later.
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!second.closed);
  first.end();
  let received = "";
  for await (const chunk of client) {
    received += String(chunk);
    if (received.endsWith("second")) break;
  }
  assert.ok(received.endsWith("second"));
});

test("a call that ends without an answer closes its connection", async (t) => {
  const { client, next } = await setUp(t, 60_000);
  const channel = await next();
  channel.settle();
  client.resume();
  await once(client, "close");
  assert.ok(channel.closed);
});

test("settling leaves an answer alone that is still being read", async (t) => {
  const { client, next } = await setUp(t, 60_000);
  const channel = await next();
  channel.respond(200, {}, much);
  channel.settle();
  let received = 0;
  client.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  await closedOf(channel);
  assert.ok(!channel.signal.aborted);
  assert.ok(received > 0);
});
