// A client's connection as the pipeline sees it. Writes to the raw response: on this path every header and byte is ours.

import type { ServerResponse } from "node:http";
import type { Refusal } from "../core/refusal.ts";
import type { AnswerHeaders, ClientChannel } from "../gateway/client-channel.ts";
import { refusalToResponse } from "./refusal-to-response.ts";

export class HttpChannel implements ClientChannel {
  readonly #response: ServerResponse;
  readonly #gone = new AbortController();

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once("close", () => {
      if (!response.writableFinished) this.#gone.abort();
    });
    // A reset arrives as an error on the socket; `close` follows and tells the pipeline.
    response.on("error", () => {});
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  /** Ends the call from our side (a drain that has run out of time). */
  abort(): void {
    this.#gone.abort();
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, { ...headers, "content-length": body.byteLength });
    this.#response.end(body);
  }

  open(status: number, headers: AnswerHeaders): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, headers);
    // The client learns that its answer has begun even when the first event is small.
    this.#response.socket?.setNoDelay(true);
  }

  write(text: string | Uint8Array): Promise<void> | undefined {
    if (this.#response.destroyed || this.#response.write(text)) return undefined;
    return this.#drained();
  }

  end(): void {
    this.#response.end();
  }

  refuse(refusal: Refusal, headers: AnswerHeaders): void {
    if (this.#response.destroyed) return;
    const answer = refusalToResponse(refusal, headers["x-portcullis-call"] ?? null);
    const body = JSON.stringify(answer.body);
    if (this.started) {
      this.#response.end(`data: ${body}\n\n`);
      return;
    }
    const content = { "content-type": "application/json; charset=utf-8" };
    this.respond(answer.status, { ...headers, ...answer.headers, ...content }, Buffer.from(body));
  }

  cut(): void {
    this.#response.destroy();
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const settled = (): void => {
        this.#response.off("drain", settled);
        this.#response.off("close", settled);
        resolve();
      };
      this.#response.on("drain", settled);
      this.#response.on("close", settled);
    });
  }
}
