// The sockets under the HTTP server: how long a client may take to say what it wants, what is told to one that speaks no
// HTTP, and how all of them are closed in bounded time.

import { lookup } from "node:dns/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { ConnectionLimit } from "./connection-limit.ts";
import { refusalToResponse } from "./refusal-to-response.ts";

export interface ListenerTimes {
  /** For the head of a request, from the connection or its first byte. */
  readonly headMs: number;
  /** For a whole request, head and body: 20 MiB need a line of 1.4 Mbit/s. */
  readonly requestMs: number;
  /** Between two requests on a connection. Longer than the minute after which balancers let go of theirs. */
  readonly idleMs: number;
  /** How often the first two are looked at. */
  readonly checkMs: number;
}

const standardTimes: ListenerTimes = {
  headMs: 30_000,
  requestMs: 120_000,
  idleMs: 72_000,
  checkMs: 5_000,
};

/** What a TLS server shows, and whom it asks to show something too. In PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** Null asks clients for nothing. */
  readonly clientCa: string | null;
}

export interface ListenerOptions {
  /** All headers of a request together. */
  readonly headerBytes: number;
  /** Most that may be open. */
  readonly connections: number;
  /** Told of each connection that there is no room for. */
  readonly onFull?: () => void;
  /** Null listens in clear text. */
  readonly tls: TlsIdentity | null;
  readonly times?: ListenerTimes;
}

/** After this, connections that have nothing to do with calls are closed whatever they are at. */
const closingMs = 2000;

export class Listener {
  readonly #headerBytes: number;
  readonly #times: ListenerTimes;
  #tls: TlsIdentity | null;
  readonly #connections: ConnectionLimit;
  readonly #servers: Server[] = [];
  readonly #expecting = new WeakSet<IncomingMessage>();
  #handler: RequestListener | null = null;

  constructor(options: ListenerOptions) {
    this.#headerBytes = options.headerBytes;
    this.#times = options.times ?? standardTimes;
    this.#tls = options.tls;
    this.#connections = new ConnectionLimit(options.connections, options.onFull);
  }

  /** For Fastify's `serverFactory`. */
  serve(handler: RequestListener): Server {
    this.#handler = handler;
    const times = {
      maxHeaderSize: this.#headerBytes,
      headersTimeout: this.#times.headMs,
      requestTimeout: this.#times.requestMs,
      keepAliveTimeout: this.#times.idleMs,
      connectionsCheckingInterval: this.#times.checkMs,
    };
    const server =
      this.#tls === null
        ? createServer(times, handler)
        : createTlsServer(
            {
              ...times,
              ...secureContext(this.#tls),
              ALPNProtocols: ["http/1.1"],
              handshakeTimeout: times.headersTimeout,
            },
            handler,
          );
    server.on("clientError", answerClientError);
    server.on("checkContinue", (request, response) => {
      this.#expecting.add(request);
      server.emit("request", request, response);
    });
    this.#connections.watch(server);
    this.#servers.push(server);
    return server;
  }

  /** For connections from now on. Throws for what OpenSSL does not take; then everything is as it was. */
  replaceTls(tls: TlsIdentity): void {
    for (const server of this.#servers)
      if (server instanceof TlsServer) server.setSecureContext(secureContext(tls));
    this.#tls = tls;
  }

  /** Whether the client waits to be told that its body is wanted; true once. */
  expectsContinue(request: IncomingMessage): boolean {
    return this.#expecting.delete(request);
  }

  /** The URL. `localhost` is listened to at all of its addresses. */
  async listen(app: FastifyInstance, host: string, port: number): Promise<string> {
    const [first, ...others] =
      host.toLowerCase() === "localhost" ? await lookup(host, { all: true }) : [{ address: host }];
    const url = await app.listen({ host: first?.address ?? host, port });
    await Promise.all(others.map(({ address }) => this.#listenToo(address, Number(new URL(url).port))));
    return this.#tls === null ? url : url.replace(/^http:/, "https:");
  }

  /**
   * Takes no more connections. Requests under way may end within `graceMs`; then every connection is closed, also those
   * that are still sending a request or not reading their answer.
   */
  async close(graceMs: number = closingMs): Promise<void> {
    const closed = Promise.all(
      this.#servers.map((server) => new Promise((resolve) => server.close(() => resolve(null)))),
    );
    if (!(await within(closed, graceMs))) {
      for (const server of this.#servers) server.closeAllConnections();
      this.#connections.closeAll();
    }
    await closed;
  }

  /** What cannot be had (no IPv6 here) is not needed: the first address serves. */
  #listenToo(host: string, port: number): Promise<void> {
    if (this.#handler === null) return Promise.resolve();
    const server = this.serve(this.#handler);
    return new Promise((resolve) => {
      server.once("error", () => resolve());
      server.listen({ host, port }, () => resolve());
    });
  }
}

/** With the ciphers that Node chooses. */
function secureContext({ cert, key, clientCa }: TlsIdentity) {
  const clients = clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return { cert, key, minVersion: "TLSv1.2" as const, honorCipherOrder: true, ...clients };
}

/** Whether `promise` is settled within that time. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Symbol("late");
  const { promise: timeout, resolve } = Promise.withResolvers<symbol>();
  const timer = setTimeout(() => resolve(late), ms);
  const first = await Promise.race([promise, timeout]);
  clearTimeout(timer);
  return first !== late;
}

/** Of a request that the parser does not understand there is no response object; these bytes are all of it. */
function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = clientError(error.code);
  const { body } = refusalToResponse({ reason: "invalid_request", param: null, detail }, null);
  const text = JSON.stringify(body);
  const head = `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`;
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n${head}\r\n${text}`, () => socket.destroy());
}

function clientError(code: string | undefined): readonly [status: string, detail: string] {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [
        "431 Request Header Fields Too Large",
        "the request's headers are larger than `limits.headers`",
      ];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", "the request did not arrive in time"];
    default:
      return ["400 Bad Request", "this is not HTTP/1.1 that can be read in one way"];
  }
}
