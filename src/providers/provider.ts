// What the gateway needs of a model upstream. A provider moves bytes: it neither decides nor records anything.

import type { Result } from "../core/result.ts";

export type ProviderEndpoint = "chat/completions" | "embeddings";

export interface ProviderRequest {
  readonly endpoint: ProviderEndpoint;
  /** The JSON body, exactly as it is to be sent. */
  readonly body: Uint8Array;
  /** The client's headers, lowercase names; those on an allow-list are passed on. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** An answer that is not a stream may have at most this many bytes. */
  readonly maxResponseBytes: number;
  /** In place of the provider's own time from sending the request to the first byte; null leaves it. */
  readonly firstByteMs?: number | null;
  /** From now to the last byte of the answer, streams included. Left out, there is no such bound. */
  readonly totalMs?: number;
  /** Aborting cancels the exchange and closes its connection; streams then end with `cancelled`. */
  readonly signal: AbortSignal;
}

/**
 * What came back. Any HTTP status: an upstream's error is an answer too. A stream is what the upstream labels
 * `text/event-stream` and answers with 2xx; everything else is read to its end first.
 */
export type ProviderAnswer =
  | {
      readonly kind: "whole";
      readonly status: number;
      /** Allow-listed, lowercase names. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
    }
  | {
      readonly kind: "stream";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /**
       * Chunks as they arrive, for one reader; pulling slowly slows the upstream. Throws `ProviderStreamError` when the
       * stream breaks. Leaving the loop, or `return()` of an iterator that was never read, cancels the exchange.
       */
      readonly chunks: AsyncIterable<Buffer>;
    };

export type ProviderFailure = {
  readonly reason: "unavailable" | "unreachable" | "timeout" | "invalid" | "too_large" | "cancelled";
  /** For operators and error messages: lowercase, without secrets. */
  readonly detail: string;
  /** Nothing of the request had left: it can have done nothing. */
  readonly unsent?: true;
  /** The same upstream may well take the same request when it is asked again. */
  readonly transient?: true;
  /** The time that the whole call may take was over, whatever the upstream would still have had of its own. */
  readonly callOver?: true;
};

export class ProviderStreamError extends Error {
  override readonly name = "ProviderStreamError";
  readonly failure: ProviderFailure;
  constructor(failure: ProviderFailure) {
    super(failure.detail);
    this.failure = failure;
  }
}

export interface ModelProvider {
  /** Its name in the config. */
  readonly name: string;
  readonly type: "openai" | "demo";
  /** The models it is narrowed to, or null when any name may be passed on. */
  readonly models: readonly string[] | null;
  /** Whether streams should ask for usage when the client did not. */
  readonly asksForStreamUsage: boolean;
  send(request: ProviderRequest): Promise<Result<ProviderAnswer, ProviderFailure>>;
  /** Closes all connections. For the end of a drain: an exchange that still runs fails with `unavailable`. */
  close(): Promise<void>;
}
