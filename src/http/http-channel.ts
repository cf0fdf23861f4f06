// A client's connection as the pipeline sees it. Writes to the raw response: on this path every header and byte is ours.

import type { ServerResponse } from "node:http";
import type { Refusal } from "../core/refusal.ts";
import {
  type AnswerHeaders,
  type ClientChannel,
  type Framing,
  outOfTime,
} from "../gateway/client-channel.ts";
import { refusalToResponse } from "./refusal-to-response.ts";

/**
 * How long a client may leave what it was sent unread. Beyond that it counts as gone: its connection is cut, and a call
 * that is not complete is recorded as `client_closed`.
 */
export const writeStallMs = 120_000;

/** More than this is written piece by piece, so that a client that reads slowly is told from one that does not read. */
const pieceBytes = 64 * 1024;

export interface HttpChannelOptions {
  /** The constant above, unless a test is in a hurry. */
  readonly writeStallMs?: number;
  readonly onRefused?: (refusal: Refusal) => void;
}

export class HttpChannel implements ClientChannel {
  readonly #response: ServerResponse;
  readonly #options: HttpChannelOptions;
  readonly #stallMs: number;
  readonly #gone = new AbortController();
  #whenClosed: (() => void) | null = null;
  #whenResting: ((resting: boolean) => void) | null = null;
  #closed = false;
  #answered = false;
  #framing: Framing = "sse";
  readonly #finished = Promise.withResolvers<boolean>();
  #stall: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, options: HttpChannelOptions = {}) {
    this.#response = response;
    this.#options = options;
    this.#stallMs = options.writeStallMs ?? writeStallMs;
    const { socket } = response.req;
    const closed = (): void => {
      if (this.#closed) return;
      this.#closed = true;
      clearTimeout(this.#stall);
      socket.off("close", closed);
      if (!response.writableFinished) this.#gone.abort();
      this.#finished.resolve(response.writableFinished);
      this.#whenClosed?.();
    };
    response.once("close", closed);
    // A pipelined response has no socket until its turn comes, and before that it does not hear of the socket's end.
    if (response.socket === null) socket.once("close", closed);
    // A reset arrives as an error on the socket; `close` follows and tells the pipeline.
    response.on("error", () => {});
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  /** Whether nothing more can reach the client: it has its whole answer, or it is gone. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Runs once, when the channel closes. */
  whenClosed(then: () => void): void {
    this.#whenClosed = then;
  }

  /** Ends the call from our side: a drain that has run out of time. */
  abort(): void {
    this.#gone.abort(outOfTime);
  }

  /** Where the answer is open already, its status and headers are out, and this is the rest of it. */
  respond(status: number, headers: AnswerHeaders, body: Uint8Array): void {
    this.#answered = true;
    if (this.#response.destroyed) return;
    if (this.started) return void this.#writePieces(body).then(() => this.#finish());
    this.#response.writeHead(status, { ...headers, "content-length": body.byteLength });
    if (body.byteLength <= pieceBytes) this.#finish(body);
    else void this.#writePieces(body).then(() => this.#finish());
  }

  open(status: number, headers: AnswerHeaders, framing: Framing): void {
    if (this.#response.destroyed) return;
    this.#framing = framing;
    this.#response.writeHead(status, headers);
    // The client learns that its answer has begun even when the first event is small.
    this.#response.socket?.setNoDelay(true);
  }

  write(text: string | Uint8Array): Promise<void> | undefined {
    if (text.length > pieceBytes) return this.#writePieces(Buffer.from(text));
    if (this.#response.destroyed || this.#response.write(text)) return undefined;
    return this.#drained();
  }

  end(): void {
    this.#finish();
  }

  refuse(refusal: Refusal, headers: AnswerHeaders): void {
    this.#answered = true;
    if (this.#response.destroyed) return;
    this.#options.onRefused?.(refusal);
    const answer = refusalToResponse(refusal, headers["x-portcullis-call"] ?? null);
    const body = JSON.stringify(answer.body);
    if (this.started) return this.#finish(this.#framing === "sse" ? `data: ${body}\n\n` : body);
    const content = { "content-type": "application/json; charset=utf-8" };
    this.respond(answer.status, { ...headers, ...answer.headers, ...content }, Buffer.from(body));
  }

  rest(resting: boolean): void {
    this.#whenResting?.(resting);
  }

  /** Told when the call begins and ends to wait for people. */
  whenResting(then: (resting: boolean) => void): void {
    this.#whenResting = then;
  }

  finished(): Promise<boolean> {
    return this.#finished.promise;
  }

  cut(): void {
    this.#response.destroy();
  }

  /** Cuts the connection of a call that is over and left its client without an answer. */
  settle(): void {
    if (!this.#answered) this.cut();
  }

  #finish(last: string | Uint8Array = ""): void {
    this.#answered = true;
    if (this.#response.destroyed) return;
    this.#response.end(last);
    this.#watchForStall();
  }

  async #writePieces(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.byteLength && !this.#response.destroyed; from += pieceBytes) {
      if (!this.#response.write(bytes.subarray(from, from + pieceBytes))) await this.#drained();
    }
  }

  /** Resolves when the client has read on, is gone, or the call is ended from our side. */
  #drained(): Promise<void> {
    const { signal } = this.#gone;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const settled = (): void => {
        clearTimeout(this.#stall);
        this.#response.off("drain", settled);
        signal.removeEventListener("abort", settled);
        resolve();
      };
      this.#watchForStall();
      this.#response.once("drain", settled);
      signal.addEventListener("abort", settled, { once: true });
    });
  }

  #watchForStall(): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => {
      // A pipelined answer waits for those before it, which says nothing of its client.
      if (this.#response.socket === null) this.#watchForStall();
      else this.cut();
    }, this.#stallMs);
  }
}
