// A gateway behind nginx, set up as docs/operations.md says: streams flow, clients that leave are noticed, and the client's
// address is the one that nginx saw.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { withoutCommand } from "./needs.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { type ScriptedUpstream, scriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { completionOf } from "./trail.ts";

const skip = withoutCommand("nginx", "install it with `apt-get install nginx-light`");

const policies = `
@id("calls") @reason("models may be called")
permit (principal, action == Portcullis::Action::"chat", resource);
@id("not-from-there") @reason("nobody calls from there")
forbid (principal, action, resource) when { context.source_address.isInRange(ip("127.0.0.2/32")) };
`;

const word = (content: string): string =>
  `data: {"id":"x","choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
const end = 'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

interface Asking {
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** The address that the client connects from. */
  readonly from?: string;
}

describe("behind nginx", { skip }, () => {
  let upstream: ScriptedUpstream;
  let gateway: TestGateway;
  let nginx: Nginx;
  const waiting: ((response: ServerResponse) => void)[] = [];

  before(async () => {
    upstream = await scriptedUpstream((response) => waiting.shift()?.(response));
    const folder = testFolder({
      "portcullis.yaml": `server: { trusted_proxies: [127.0.0.1] }
providers:
  demo: { type: demo }
  up: { type: openai, base_url: "${upstream.baseUrl}" }
applications:
  - { name: assistant }
`,
    });
    mkdirSync(join(folder, "policies"));
    writeFileSync(join(folder, "policies", "test.cedar"), policies);
    gateway = await startGateway(folder);
    nginx = await startNginx(gateway.url);
  });
  after(async () => {
    await nginx[Symbol.asyncDispose]();
    await gateway.close();
    upstream.close();
  });

  /** The next response of the upstream, once its request is there. */
  const upstreamAsked = (): Promise<ServerResponse> => new Promise((resolve) => waiting.push(resolve));

  function ask(model: string, { stream = false, headers = {}, from = "127.0.0.1" }: Asking = {}) {
    const request = httpsRequest(`${nginx.url}/v1/chat/completions`, {
      method: "POST",
      ca: nginx.ca,
      family: 4,
      localAddress: from,
      agent: false,
      headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json", ...headers },
    });
    request.on("error", () => {});
    request.end(JSON.stringify({ model, stream, messages: [{ role: "user", content: "x" }] }));
    return request;
  }

  async function answered(...asked: Parameters<typeof ask>): Promise<IncomingMessage> {
    const [response] = await once(ask(...asked), "response");
    return response;
  }

  it("every event goes on as it comes", async () => {
    const asked = upstreamAsked();
    const answer = answered("up/m", { stream: true });
    const response = await asked;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(word("zero"));
    const client: AsyncIterator<string> = (await answer).setEncoding("utf8")[Symbol.asyncIterator]();
    let read = "";
    const readOn = async (to: string): Promise<void> => {
      while (!read.includes(to)) {
        const next = await client.next();
        assert.ok(next.done !== true, read);
        read += next.value;
      }
    };
    await readOn("zero");
    // Each word is written only when the client has the one before: held back, neither would ever come.
    for (const content of ["one", "two", "three"]) {
      response.write(word(content));
      await readOn(content);
    }
    response.end(end);
    await readOn("[DONE]");
  });

  it("a client that leaves ends its call and lets go of the provider, within a stream and before the answer", async () => {
    for (const stream of [true, false]) {
      const asked = upstreamAsked();
      const request = ask("up/m", { stream });
      const response = await asked;
      const closed = once(response, "close");
      if (stream) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(word("Hel"));
        const [answer] = await once(request, "response");
        await once(answer, "data");
      }
      request.destroy();
      await closed;
    }
  });

  it("the address that counts is the one that nginx saw, whatever the client says", async () => {
    for (const [from, headers, status] of [
      ["127.0.0.1", {}, 200],
      ["127.0.0.2", {}, 403],
      ["127.0.0.2", { "x-forwarded-for": "127.0.0.3" }, 403],
      ["127.0.0.3", { "x-forwarded-for": "127.0.0.2" }, 200],
      ["127.0.0.3", { "x-forwarded-for": "no address" }, 200],
    ] as const) {
      const answer = await answered("demo/assistant", { from, headers });
      assert.equal(answer.statusCode, status, await text(answer));
    }
  });

  it("answers, errors and the gate's headers come through, and connections are used again", async () => {
    for (const [model, status] of [
      ["demo/assistant", 200],
      ["nobody/knows", 404],
    ] as const) {
      for (let round = 0; round < 20; round += 1) {
        const answer = await answered(model);
        const call = answer.headers["x-portcullis-call"];
        assert.equal(answer.statusCode, status, await text(answer));
        assert.equal((await completionOf(gateway, String(call)))?.status, status);
      }
    }
  });

  it("a body beyond the limit is refused by nginx, and the gateway lives", async () => {
    const request = ask("demo/assistant", { headers: { "content-length": String(30 * 1024 * 1024) } });
    const [answer] = await once(request, "response");
    assert.equal(answer.statusCode, 413);
    request.destroy();
    const next = await answered("demo/assistant");
    assert.equal(next.statusCode, 200, await text(next));
  });
});
