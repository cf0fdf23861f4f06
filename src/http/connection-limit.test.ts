import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { testAuthority } from "../providers/certificates.test-support.ts";
import { ConnectionLimit } from "./connection-limit.ts";

/** A server that answers when it is told to. */
async function setUp(t: TestContext, most: number) {
  const limit = new ConnectionLimit(most);
  const waiting: ServerResponse[] = [];
  const server = createServer((_request, response) => void waiting.push(response));
  limit.watch(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  /** Open at the server as well. */
  const client = async (): Promise<Socket> => {
    const socket = connect(address.port, "127.0.0.1");
    socket.on("error", () => {});
    await Promise.all([once(socket, "connect"), once(server, "connection")]);
    return socket;
  };
  const ask = async (socket: Socket): Promise<void> => {
    const arrived = once(server, "request");
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    await arrived;
  };
  const answer = async (): Promise<void> => {
    const response = waiting.shift();
    assert.ok(response);
    const closed = once(response, "close");
    response.end("ok");
    await closed;
  };
  return { limit, client, ask, answer };
}

test("the connection that has been idle for longest makes room, and none that is in use", async (t) => {
  const { limit, client, ask, answer } = await setUp(t, 3);
  const [first, second, third] = [await client(), await client(), await client()];
  await ask(first);
  const gone = once(second, "close");
  const fourth = await client();
  await gone;
  assert.equal(limit.open, 3);
  await answer();
  const next = once(third, "close");
  await client();
  await next;
  assert.deepEqual([first.destroyed, fourth.destroyed], [false, false]);
});

test("while all are in use a new one is told to come again, and those in use go on", async (t) => {
  const { limit, client, ask, answer } = await setUp(t, 2);
  const sockets = [await client(), await client()];
  for (const socket of sockets) await ask(socket);
  const told = await text(await client());
  assert.match(told, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
  assert.match(told, /retry-after: 1\r\n/);
  assert.match(told, /"code":"overloaded"/);
  assert.equal(limit.open, 2);
  for (const socket of sockets) {
    const answered = once(socket, "data");
    await answer();
    assert.match(String(await answered), /200 OK/);
  }
});

test("a connection with a second request before its first answer is in use until both are answered", async (t) => {
  const { client, ask, answer } = await setUp(t, 1);
  const socket = await client();
  await ask(socket);
  await ask(socket);
  await answer();
  assert.match(await text(await client()), / 503 /);
  assert.equal(socket.destroyed, false);
  await answer();
  const gone = once(socket.resume(), "close");
  await client();
  await gone;
});

test("thousands of connections that say nothing leave room for those that do", async (t) => {
  const { limit, client, ask, answer } = await setUp(t, 50);
  for (let count = 0; count < 2_000; count += 1) await client();
  assert.equal(limit.open, 50);
  const socket = await client();
  await ask(socket);
  const answered = once(socket, "data");
  await answer();
  assert.match(String(await answered), /200 OK/);
});

/** One whose clients ask as they connect. */
async function setUpTls(t: TestContext, most: number) {
  const limit = new ConnectionLimit(most);
  const waiting: ServerResponse[] = [];
  const server = createTlsServer(
    testAuthority().issue(),
    (_request, response) => void waiting.push(response),
  );
  limit.watch(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    limit.closeAll();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const silent = async (): Promise<Socket> => {
    const socket = connect(address.port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    await Promise.all([once(socket, "connect"), once(server, "connection")]);
    return socket;
  };
  const asking = (): TLSSocket => {
    const socket = connectTls({ port: address.port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    return socket;
  };
  const asked = async (): Promise<TLSSocket> => {
    const arrived = once(server, "request");
    const socket = asking();
    await arrived;
    return socket;
  };
  return { limit, waiting, silent, asking, asked };
}

test("a connection counts before its TLS handshake, and makes room while it has none", async (t) => {
  const { limit, waiting, silent, asked } = await setUpTls(t, 3);
  const gone: Promise<unknown>[] = [];
  for (let count = 0; count < 20; count += 1) {
    const socket = await silent();
    gone.push(new Promise((resolve) => socket.once("close", resolve)));
  }
  assert.equal(limit.open, 3);
  const socket = await asked();
  assert.equal(limit.open, 3);
  const answered = once(socket, "data");
  waiting.shift()?.end("ok");
  assert.match(String(await answered), /200 OK/);
  await Promise.all(gone.slice(0, 18));
});

test("what a TLS client asks that is turned away is never heard", async (t) => {
  const { limit, waiting, asking, asked } = await setUpTls(t, 2);
  const sockets = [await asked(), await asked()];
  for (let count = 0; count < 10; count += 1) {
    const socket = asking();
    await new Promise((resolve) => socket.once("close", resolve));
  }
  assert.deepEqual([limit.open, waiting.length], [2, 2]);
  for (const socket of sockets) {
    const answered = once(socket, "data");
    waiting.shift()?.end("ok");
    assert.match(String(await answered), /200 OK/);
  }
  await asked();
  assert.equal(limit.open, 2, "one that has its answer has made room");
});
