// How many connections there may be. They cost memory and descriptors before anybody has said who they are, so those that
// nobody is using make room for new ones.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { refusalToResponse } from "./refusal-to-response.ts";

export class ConnectionLimit {
  readonly #most: number;
  readonly #onFull: () => void;
  readonly #open = new Set<Socket>();
  /** Those without a request, the one that has been so for longest first. */
  readonly #idle = new Set<Socket>();
  /** How many requests of the others are under way: a client may send the next before it has its answer. */
  readonly #requests = new WeakMap<Socket, number>();
  /** Of TLS servers: connections that are not through with their handshake, by both ends' addresses. */
  readonly #handshaking = new Map<string, Socket>();
  /** The connection under a TLS socket. */
  readonly #under = new WeakMap<Socket, Socket>();

  /** `onFull` is told of each connection that there is no room for. */
  constructor(most: number, onFull: () => void = () => {}) {
    this.#most = most;
    this.#onFull = onFull;
  }

  /** Open on all servers that are watched. */
  get open(): number {
    return this.#open.size;
  }

  /** Counts this server's connections from now on, before they have shaken hands: those that never do count as well. */
  watch(server: Server): void {
    const isTls = server instanceof TlsServer;
    server.on("connection", (socket: Socket) => {
      if (this.#open.size >= this.#most && !this.#makeRoom()) {
        this.#onFull();
        // There are no words for a client before its handshake, and what it asks once it is through would be answered.
        return isTls ? void socket.destroy() : turnAway(socket);
      }
      this.#take(socket);
      if (isTls) this.#awaitHandshake(socket);
    });
    if (isTls) server.on("secureConnection", (socket: Socket) => this.#shookHands(socket));
    server.on("request", (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(request, response),
    );
  }

  /** Closes all of them, also those that Node's own list of HTTP connections does not hold before their handshake. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #take(socket: Socket): void {
    this.#open.add(socket);
    this.#idle.add(socket);
    socket.once("close", () => this.#letGo(socket));
  }

  #awaitHandshake(socket: Socket): void {
    const ends = endsOf(socket);
    this.#handshaking.set(ends, socket);
    socket.once("close", () => {
      // A client may be back from the same port before we hear of this end.
      if (this.#handshaking.get(ends) === socket) this.#handshaking.delete(ends);
    });
  }

  #shookHands(secure: Socket): void {
    const ends = endsOf(secure);
    const socket = this.#handshaking.get(ends);
    // Its client is gone already.
    if (socket === undefined) return void secure.destroy();
    this.#handshaking.delete(ends);
    this.#under.set(secure, socket);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const socket = this.#under.get(request.socket) ?? request.socket;
    this.#idle.delete(socket);
    this.#requests.set(socket, (this.#requests.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const left = (this.#requests.get(socket) ?? 1) - 1;
      this.#requests.set(socket, left);
      // INVARIANT: added again behind all others, and never once it is closed.
      if (left === 0 && !socket.destroyed) this.#idle.add(socket);
    });
  }

  /** False when every connection has a request. */
  #makeRoom(): boolean {
    const [longest] = this.#idle;
    if (longest === undefined) return false;
    // Not only when it is closed: others may come before that.
    this.#letGo(longest);
    longest.destroy();
    return true;
  }

  #letGo(socket: Socket): void {
    this.#open.delete(socket);
    this.#idle.delete(socket);
  }
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join();
}

/** Before anything is read of it. */
function turnAway(socket: Socket): void {
  const { headers, body } = refusalToResponse({ reason: "overloaded", retryAfterSeconds: 1 }, null);
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    connection: "close",
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("error", () => socket.destroy());
  socket.end(`HTTP/1.1 503 Service Unavailable\r\n${lines.join("")}\r\n${text}`, () => socket.destroy());
}
