// One HTTP exchange with an upstream, over undici's dispatch: a whole answer as one buffer, a stream as chunks with
// back-pressure. Whatever happens it is settled exactly once.

import type { Dispatcher } from "undici";
import { fail, ok, type Result } from "../core/result.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { KeyEcho } from "./key-echo.ts";
import { upstreamHeaders } from "./passed-headers.ts";
import type { ProviderAnswer, ProviderFailure } from "./provider.ts";
import { failureOf, type Progress } from "./transport-failure.ts";

export interface ExchangeOptions {
  readonly maxBytes: number;
  /** How long a stream that nobody reads is kept open. */
  readonly stallMs: number;
  /** From now to the last byte of the answer; null for no bound. */
  readonly totalMs: number | null;
  readonly signal: AbortSignal;
  /** What the request was authorised with: an answer that repeats it is not passed on. */
  readonly key: SecretValue | null;
}

type Settle = (answer: Result<ProviderAnswer, ProviderFailure>) => void;
type IncomingHeaders = Readonly<Record<string, string | string[] | undefined>>;

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #settle: Settle;
  readonly #options: ExchangeOptions;
  readonly #echo: KeyEcho;
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  readonly #body: Buffer[] = [];
  #bytes = 0;
  #stream: ChunkQueue | null = null;
  #interim = 0;
  #over = false;
  readonly #deadline: NodeJS.Timeout | null;

  constructor(settle: Settle, options: ExchangeOptions) {
    this.#settle = settle;
    this.#options = options;
    this.#echo = new KeyEcho(options.key);
    this.#deadline = options.totalMs === null ? null : setTimeout(this.#expire, options.totalMs);
    options.signal.addEventListener("abort", this.#cancel, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was cancelled while it waited for a connection.
    if (this.#over) controller.abort(new Error("cancelled"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHeaders): void {
    if (this.#over) return;
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > maxInterim) this.#fail(endlessInterim);
      return;
    }
    this.#status = status;
    const problem = problemOf(status, headers, this.#options.maxBytes);
    if (problem !== null) return this.#fail(problem);
    this.#headers = upstreamHeaders(headers);
    if (new KeyEcho(this.#options.key).foundIn(Buffer.from(Object.values(this.#headers).join("\n")))) {
      return this.#fail(keyRepeated);
    }
    // An error that is labelled as a stream is read whole, so that another target can be tried in its place.
    if (status > 299 || !isEventStream(headers["content-type"])) return;
    this.#stream = new ChunkQueue(controller, {
      stallMs: this.#options.stallMs,
      abandon: (failure) => this.#fail(failure),
    });
    this.#settle(ok({ kind: "stream", status, headers: this.#headers, chunks: this.#stream }));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    if (this.#echo.foundIn(chunk)) return this.#fail(keyRepeated);
    if (this.#stream !== null) return this.#stream.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#options.maxBytes) return this.#fail(tooLarge);
    this.#body.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#finish()) return;
    if (this.#stream !== null) return this.#stream.end(null);
    const [only] = this.#body;
    const body = this.#body.length === 1 && only !== undefined ? only : Buffer.concat(this.#body);
    this.#settle(ok({ kind: "whole", status: this.#status, headers: this.#headers, body }));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(failureOf(error, this.#progress()));
  }

  #progress(): Progress {
    if (this.#status !== 0) return "answered";
    return this.#controller === null ? "unsent" : "sent";
  }

  readonly #cancel = (): void => {
    this.#fail({ reason: "cancelled", detail: "the client is gone" });
  };

  readonly #expire = (): void => {
    const detail = "its answer was not complete within the time that the call may take";
    const failure = { reason: "timeout", detail, callOver: true } as const;
    this.#fail(this.#controller === null ? { ...failure, unsent: true } : failure);
  };

  #fail(failure: ProviderFailure): void {
    if (!this.#finish()) return;
    if (this.#stream !== null) this.#stream.end(failure);
    else this.#settle(fail(failure));
    this.#controller?.abort(new Error(failure.detail));
  }

  /** False when it is over already. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#options.signal.removeEventListener("abort", this.#cancel);
    return true;
  }
}

/** Interim answers (1xx) before the one that counts. */
const maxInterim = 16;

const endlessInterim: ProviderFailure = {
  reason: "invalid",
  detail: "it sends interim answers without end",
};

const tooLarge: ProviderFailure = {
  reason: "too_large",
  detail: "the answer is larger than `limits.response`",
};

const keyRepeated: ProviderFailure = {
  reason: "invalid",
  detail: "it repeats the key that it was sent, so it is not passed on; rotate that key",
};

/** Why an answer is not read at all, or null. */
function problemOf(status: number, headers: IncomingHeaders, maxBytes: number): ProviderFailure | null {
  if (status >= 300 && status < 400) {
    return {
      reason: "invalid",
      detail: `it redirects (${status}), which is not followed; correct \`base_url\``,
    };
  }
  const encoding = headers["content-encoding"] ?? "identity";
  if (typeof encoding !== "string" || encoding.toLowerCase() !== "identity") {
    return { reason: "invalid", detail: "it compresses its answer although `identity` was asked for" };
  }
  const type = headers["content-type"];
  if (Array.isArray(type)) return { reason: "invalid", detail: "it sends several content types" };
  // Read as anything else, the same bytes could say something that nobody has looked at.
  const [, charset = "utf-8"] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type ?? "") ?? [];
  if (!/^(?:utf-?8|us-ascii)$/i.test(charset)) {
    return { reason: "invalid", detail: "it declares another charset than UTF-8" };
  }
  return !isEventStream(type) && Number(headers["content-length"] ?? 0) > maxBytes ? tooLarge : null;
}

function isEventStream(contentType: string | string[] | undefined): boolean {
  return typeof contentType === "string" && /^text\/event-stream\s*(?:;|$)/i.test(contentType);
}
