// How many connections there may be. They cost memory and descriptors before anybody has said who they are, so those that
// nobody is using make room for new ones.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { refusalToResponse } from "./refusal-to-response.ts";

export class ConnectionLimit {
  readonly #most: number;
  readonly #open = new Set<Socket>();
  /** Those without a request, the one that has been so for longest first. */
  readonly #idle = new Set<Socket>();
  /** How many requests of the others are under way: a client may send the next before it has its answer. */
  readonly #requests = new WeakMap<Socket, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Open on all servers that are watched. */
  get open(): number {
    return this.#open.size;
  }

  /** Counts this server's connections from now on. */
  watch(server: Server): void {
    server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => {
      if (this.#open.size >= this.#most && !this.#makeRoom()) return turnAway(socket);
      this.#take(socket);
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(request, response),
    );
  }

  #take(socket: Socket): void {
    this.#open.add(socket);
    this.#idle.add(socket);
    socket.once("close", () => this.#letGo(socket));
  }

  #serve({ socket }: IncomingMessage, response: ServerResponse): void {
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
