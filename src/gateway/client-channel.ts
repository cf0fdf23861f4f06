// How the pipeline answers a client. HTTP implements it (http/http-channel.ts); the pipeline knows nothing of sockets.

import type { Refusal } from "../core/refusal.ts";

export type AnswerHeaders = Readonly<Record<string, string>>;

/** How the bytes of an answer that is written bit by bit are read: as server-sent events, or as one JSON text. */
export type Framing = "sse" | "json";

/** Why a call is ended whose client is there: nothing of it goes on. */
export const outOfTime: unique symbol = Symbol("a drain has run out of time");

export interface ClientChannel {
  /**
   * Aborted when the client is gone before its answer was complete, when it has not read for so long that it counts as
   * gone, or, with the reason `outOfTime`, when a drain has run out of time.
   */
  readonly signal: AbortSignal;

  /** Whether the status line is out: from then on a failure can only be told in-band. */
  readonly started: boolean;

  /** A complete answer. */
  respond(status: number, headers: AnswerHeaders, body: Uint8Array): void;

  /** Opens an answer that is written bit by bit. */
  open(status: number, headers: AnswerHeaders, framing: Framing): void;

  /**
   * Writes to an open answer. A promise means: wait for it before writing more (the client reads slowly). It always
   * resolves: also when `signal` is aborted.
   */
  write(text: string | Uint8Array): Promise<void> | undefined;

  /** Ends an open answer as a success. */
  end(): void;

  /**
   * Says no: as a status and an error body when nothing is out yet, else in-band: as an error event at the end of the
   * stream, without `[DONE]`, or as the body that was still to come.
   */
  refuse(refusal: Refusal, headers: AnswerHeaders): void;

  /** Whether the call waits for people: while it does, others may have its place among those that are worked on. */
  rest(resting: boolean): void;

  /**
   * Resolves when nothing more can reach the client: true when it was sent all of an answer that has ended, as far as can
   * be told from here.
   */
  finished(): Promise<boolean>;

  /** Closes the connection without ending the answer, for a failure that cannot be told. */
  cut(): void;
}
