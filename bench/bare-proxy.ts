// What Portcullis is measured against: the fastest plain proxy that the same libraries make. No keys, no policy, no
// record, no inspection. Prints its port.

import type { ServerResponse } from "node:http";
import Fastify from "fastify";
import { type Dispatcher, Pool } from "undici";

const upstream = process.argv[2];
if (upstream === undefined) throw new Error("usage: bare-proxy.ts http://127.0.0.1:PORT");
const pool = new Pool(upstream, { connections: 256, pipelining: 1 });
const app = Fastify({ bodyLimit: 20 * 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
  done(null, body),
);

/** Collects an answer with a length and sends it at once; passes a stream on as it comes. */
class Forward implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #parts: Buffer[] = [];
  #streaming = false;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const type = headers["content-type"];
    this.#streaming = type === "text/event-stream";
    const length = headers["content-length"];
    this.#response.writeHead(status, {
      "content-type": String(type),
      ...(length === undefined ? {} : { "content-length": String(length) }),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, data: Buffer): void {
    if (!this.#streaming) this.#parts.push(data);
    else if (!this.#response.write(data)) {
      controller.pause();
      this.#response.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(): void {
    if (this.#streaming) this.#response.end();
    else this.#response.end(Buffer.concat(this.#parts));
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

app.post("/v1/chat/completions", (request, reply) => {
  reply.hijack();
  pool.dispatch(
    {
      method: "POST",
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json" },
      body: request.body as Buffer,
    },
    new Forward(reply.raw),
  );
});
const address = await app.listen({ host: "127.0.0.1", port: 0 });
console.log(new URL(address).port);
process.once("SIGTERM", () => process.exit(0));
