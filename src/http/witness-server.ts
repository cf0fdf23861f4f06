// Where a witness is asked (c2sp.org/tlog-witness): a listener of its own, because it runs without a gateway.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { sizeContentType } from "portcullis-verify/log/witness-request.ts";
import type { Witness } from "../witness/witness.ts";
import { within } from "./listener.ts";
import { listenAt, say as sayText, sideServer } from "./side-listener.ts";

/** 63 lines of proof and a checkpoint with some tens of the largest signatures that there are. */
const maxBodyBytes = 256 * 1024;
const maxConnections = 512;
const closingMs = 5_000;

export class WitnessServer {
  readonly #witness: Pick<Witness, "vkey" | "addCheckpoint" | "checkpoint">;
  readonly #server: Server;

  constructor(witness: Pick<Witness, "vkey" | "addCheckpoint" | "checkpoint">) {
    this.#witness = witness;
    this.#server = sideServer(maxConnections, (request, response) => this.#answer(request, response));
  }

  /** The URL. Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<string> {
    return listenAt(this.#server, host, port);
  }

  /** Takes no more connections, and answers what is under way for at most a few seconds. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    if (!(await within(closed, closingMs))) this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?")[0] ?? "";
    if (path === "/add-checkpoint") return this.#addCheckpoint(request, response);
    const [, origin] = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path) ?? [];
    if (path !== "/vkey" && origin === undefined)
      return say(response, 404, "there is /vkey, /add-checkpoint and /<SHA-256 of an origin>/checkpoint\n");
    if (request.method !== "GET" && request.method !== "HEAD")
      return say(response, 405, "use GET\n", { allow: "GET, HEAD" });
    if (origin === undefined) return say(response, 200, `${this.#witness.vkey}\n`);
    const checkpoint = await this.#kept(origin);
    if (checkpoint === null) return say(response, 404, "no checkpoint of this log was cosigned\n");
    if (checkpoint === undefined) return say(response, 503, "the checkpoint cannot be read\n");
    return say(response, 200, checkpoint);
  }

  async #kept(origin: string): Promise<string | null | undefined> {
    try {
      return await this.#witness.checkpoint(origin);
    } catch {
      return undefined;
    }
  }

  async #addCheckpoint(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") return say(response, 405, "use POST\n", { allow: "POST" });
    const body = await boundedBody(request);
    if (body === "too large")
      return say(response, 413, `a request has at most ${maxBodyBytes} bytes\n`, { connection: "close" });
    if (body === null) return;
    const text = utf8(body);
    if (text === null) return say(response, 400, "the body is not UTF-8\n");
    const answer = await this.#witness.addCheckpoint(text);
    switch (answer.status) {
      case 200:
        return say(response, 200, answer.lines);
      case 409:
        return say(response, 409, `${answer.size}\n`, { "content-type": sizeContentType });
      case 503:
        return say(response, 503, `${answer.why}\n`, { "retry-after": "5" });
      case 400:
      case 403:
      case 404:
      case 422:
        return say(response, answer.status, `${answer.why}\n`);
    }
  }
}

/** Null when its sender has gone. */
async function boundedBody(request: IncomingMessage): Promise<Buffer | "too large" | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) return null;
      length += chunk.length;
      if (length > maxBodyBytes) return "too large";
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    return null;
  }
}

function utf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** What is cosigned, and what a log is told, is of this moment. */
function say(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sayText(response, status, text, { "cache-control": "no-store", ...headers });
}
