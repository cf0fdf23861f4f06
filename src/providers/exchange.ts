// One HTTP exchange with an upstream, over undici's dispatch: a whole answer as one buffer, a stream as chunks with
// back-pressure.

import type { Dispatcher } from "undici";
import { fail, ok, type Result } from "../core/result.ts";
import { type ProviderAnswer, type ProviderFailure, ProviderStreamError } from "./provider.ts";

const passedHeaders =
  /^(content-type|retry-after|retry-after-ms|x-request-id|openai-[a-z-]+|x-ratelimit-[a-z-]+)$/;

type Settle = (answer: Result<ProviderAnswer, ProviderFailure>) => void;

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #settle: Settle;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: Record<string, string> = {};
  #whole: Buffer[] = [];
  #bytes = 0;
  #stream: ChunkQueue | null = null;
  #failure: ProviderFailure | null = null;

  constructor(settle: Settle, options: { readonly maxBytes: number; readonly signal: AbortSignal }) {
    this.#settle = settle;
    this.#maxBytes = options.maxBytes;
    this.#signal = options.signal;
    this.#signal.addEventListener("abort", this.#cancel, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#cancel();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value === "string" && passedHeaders.test(name)) this.#headers[name] = value;
    }
    if (status >= 300 && status < 400)
      return this.#fail({ reason: "invalid", detail: `it redirects (${status}), which is not followed` });
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      return this.#fail({ reason: "invalid", detail: "it is compressed although that was not asked for" });
    }
    if (!/^text\/event-stream\b/i.test(this.#headers["content-type"] ?? "") || status >= 400) return;
    this.#stream = new ChunkQueue(controller);
    this.#settle(ok({ kind: "stream", status, headers: this.#headers, chunks: this.#stream }));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== null) return this.#stream.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes)
      return this.#fail({ reason: "too_large", detail: "the answer is too large" });
    this.#whole.push(chunk);
  }

  onResponseEnd(): void {
    this.#signal.removeEventListener("abort", this.#cancel);
    if (this.#stream !== null) return this.#stream.end(null);
    this.#settle(
      ok({ kind: "whole", status: this.#status, headers: this.#headers, body: Buffer.concat(this.#whole) }),
    );
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#signal.removeEventListener("abort", this.#cancel);
    const failure = this.#failure ?? failureOf(error, this.#status !== 0);
    if (this.#stream !== null) this.#stream.end(failure);
    else this.#settle(fail(failure));
  }

  readonly #cancel = (): void => {
    this.#fail({ reason: "cancelled", detail: "the client is gone" });
  };

  #fail(failure: ProviderFailure): void {
    this.#failure ??= failure;
    // Undici answers with onResponseError, which tells whoever waits.
    this.#controller?.abort(new Error(failure.detail));
  }
}

function failureOf(error: Error, answered: boolean): ProviderFailure {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (
    code === "UND_ERR_HEADERS_TIMEOUT" ||
    code === "UND_ERR_BODY_TIMEOUT" ||
    code === "UND_ERR_CONNECT_TIMEOUT"
  ) {
    return { reason: "timeout", detail: "it sent nothing for too long" };
  }
  if (code === "EGRESS_REFUSED") return { reason: "unreachable", detail: error.message };
  if (answered) return { reason: "invalid", detail: "the connection broke before the answer was complete" };
  return {
    reason: "unreachable",
    detail: code === "" ? "the connection failed" : `the connection failed (${code})`,
  };
}

/** Chunks between the socket and whoever reads them; a slow reader pauses the socket. */
class ChunkQueue implements AsyncIterable<Buffer> {
  readonly #controller: Dispatcher.DispatchController;
  readonly #chunks: Buffer[] = [];
  #ended: { readonly failure: ProviderFailure | null } | null = null;
  #wake: (() => void) | null = null;

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#chunks.length >= 16) this.#controller.pause();
    this.#wake?.();
  }

  end(failure: ProviderFailure | null): void {
    this.#ended = { failure };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          if (this.#chunks.length === 0 && this.#controller.paused) this.#controller.resume();
          yield chunk;
        } else if (this.#ended !== null) {
          if (this.#ended.failure !== null) throw new ProviderStreamError(this.#ended.failure);
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = null;
        }
      }
    } finally {
      // A reader that leaves early wants no more of it.
      if (this.#ended === null) this.#controller.abort(new Error("nobody reads on"));
    }
  }
}
