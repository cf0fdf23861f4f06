// How the pipeline answers a client. HTTP implements it (http/http-channel.ts); the pipeline knows nothing of sockets.

import type { Refusal } from "../core/refusal.ts";

export type AnswerHeaders = Readonly<Record<string, string>>;

export interface ClientChannel {
  /**
   * Aborted when the client is gone before its answer was complete, when it has not read for so long that it counts as
   * gone, or when a drain has run out of time.
   */
  readonly signal: AbortSignal;

  /** Whether the status line is out: from then on a failure can only be told in-band. */
  readonly started: boolean;

  /** A complete answer. */
  respond(status: number, headers: AnswerHeaders, body: Uint8Array): void;

  /** Opens a stream of server-sent events. */
  open(status: number, headers: AnswerHeaders): void;

  /**
   * Writes to an open stream. A promise means: wait for it before writing more (the client reads slowly). It always
   * resolves: also when `signal` is aborted.
   */
  write(text: string | Uint8Array): Promise<void> | undefined;

  /** Ends an open stream as a success. */
  end(): void;

  /**
   * Says no: as a status and an error body when nothing is out yet, else as an error event at the end of the stream,
   * without `[DONE]`.
   */
  refuse(refusal: Refusal, headers: AnswerHeaders): void;

  /** Closes the connection without ending the answer, for a failure that cannot be told. */
  cut(): void;
}
