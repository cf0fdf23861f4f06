// Saying no to a request, also to one that is not read to its end: the answer goes out at once, and the connection is
// closed behind it, so that a body nobody wants costs neither memory nor a slot.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { Refusal } from "../core/refusal.ts";
import { refusalToResponse } from "./refusal-to-response.ts";
import { hasBody } from "./request-head.ts";

/** How long a refused body is thrown away. By then a client that looks has read its answer and stopped sending. */
const lingerMs = 2000;

export function refuse(reply: FastifyReply, refusal: Refusal): void {
  const request = reply.request.raw;
  const { status, headers, body } = refusalToResponse(refusal, null);
  const text = JSON.stringify(body);
  const type = "application/json; charset=utf-8";
  if (request.complete || !hasBody(request.headers)) {
    reply.code(status).headers(headers).type(type).send(text);
    return;
  }
  reply.hijack();
  if (reply.raw.destroyed) return;
  reply.raw.writeHead(status, {
    ...headers,
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    connection: "close",
  });
  // A client that asked whether to send its body has not begun to.
  if (request.headers.expect !== undefined && !request.readableDidRead) {
    reply.raw.end(text);
    return;
  }
  reply.raw.write(text);
  linger(request, reply.raw);
}

/** Closed at once, a connection on which the client still writes is reset, and takes the answer with it. */
function linger(request: IncomingMessage, response: ServerResponse): void {
  const timer = setTimeout(() => response.destroy(), lingerMs);
  response.once("close", () => clearTimeout(timer));
  response.on("error", () => {});
  request.once("end", () => response.end());
  request.resume();
}
