// A small listener beside the gateway's own: a few clients, short requests, text for answers.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ConnectionLimit } from "./connection-limit.ts";

const patienceMs = 10_000;

/** Whoever holds a connection and asks nothing makes room for who asks. */
export function sideServer(
  maxConnections: number,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Server {
  const server = createServer(
    {
      requestTimeout: patienceMs,
      headersTimeout: patienceMs,
      keepAliveTimeout: 72_000,
      maxHeaderSize: 8192,
    },
    (request, response) => {
      response.on("error", () => {});
      request.on("error", () => {});
      void answer(request, response);
    },
  );
  new ConnectionLimit(maxConnections).watch(server);
  return server;
}

/** The URL, without a path. Rejects when the address cannot be had. */
export function listenAt(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve(`http://${host.includes(":") ? `[${host}]` : host}:${bound}`);
    });
  });
}

export function say(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers });
  response.end(text);
}
