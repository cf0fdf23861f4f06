import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { FeedEvent, FeedListener } from "../../approvals/approval-feed.ts";
import { eventRoutes } from "./events.ts";

const snapshot: FeedEvent = { id: "run-0", type: "snapshot", items: [], pending: 0 };

/** The route alone, with whoever listens to it. */
async function open(t: TestContext) {
  const state = { stands: true, full: false, left: 0 };
  const listeners: FeedListener[] = [];
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  const subscribe = async (_after: string | null, listener: FeedListener) => {
    if (state.full) return null;
    listeners.push(listener);
    const close = (): void => {
      state.left += 1;
    };
    return { first: [snapshot], close };
  };
  eventRoutes(app, { subscribe, heartbeatMs: 20 }, async () => state.stands);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => app.close());
  return { url, state, listeners };
}

test("a stream shows signs of life, and ends when the token does", async (t) => {
  const { url, state } = await open(t);
  const answer = await fetch(`${url}/events`, { signal: AbortSignal.timeout(30_000) });
  assert.equal(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
  let text = "";
  assert.ok(answer.body);
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString();
    if (text.includes(": waiting")) state.stands = false;
  }
  assert.match(
    text,
    /^event: snapshot\nid: run-0\ndata: \{"approvals":\[\],"pending":0\}\n\n(?:: waiting\n\n)+$/,
  );
  assert.equal(state.left > 0, true);
});

test("whoever does not read is let go, and piles up nothing", async (t) => {
  const { url, state, listeners } = await open(t);
  const socket: Socket = connect(Number(new URL(url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write("GET /events HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(socket, "readable");
  const item = {
    id: "apr_1",
    revision: 1,
    state: "pending",
    digest: "",
    hold: "",
    application: "x".repeat(50_000),
    tool: null,
  } as const;
  const event: FeedEvent = { id: "run-1", type: "requested", item, pending: 1 };
  for (let sent = 0; state.left === 0; sent += 1) {
    assert.ok(sent < 10_000, "it is let go before that");
    listeners[0]?.event(event);
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("when as many listen as may, the next one is told", async (t) => {
  const { url, state } = await open(t);
  state.full = true;
  const answer = await fetch(`${url}/events`);
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /"unavailable"/);
});
