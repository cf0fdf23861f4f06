// Keeps a client's connection open while it waits. Nothing is written at first, so that a true status is still possible;
// then the answer is opened and a beat is written from time to time, which no client reads as content. Never a 1xx, and never
// an event with empty `choices`. What is on record of an answer are its bytes without the beats.

import type { ClientChannel } from "../client-channel.ts";

export interface HeartbeatTimes {
  /** Milliseconds until the answer is opened. */
  readonly commitMs: number;
  readonly beatMs: number;
}

export interface HeartbeatOptions {
  readonly client: ClientChannel;
  readonly framing: "json" | "sse";
  readonly times: HeartbeatTimes;
  readonly open: () => void;
  readonly naming: object;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout;
  #beats = 0;
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const { client, times } = options;
    this.#timer = setTimeout(() => this.#beat(), client.started ? times.beatMs : times.commitMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #beat(): void {
    const { client, open, times } = this.#options;
    if (client.signal.aborted) return;
    if (!client.started) open();
    const bytes = this.#bytes();
    // A client that does not read is cut by its channel; until then no more is piled up for it.
    const drained = client.write(bytes);
    const next = (): void => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.#beat(), times.beatMs);
    };
    if (drained === undefined) next();
    else void drained.then(next);
  }

  #bytes(): Buffer {
    const { framing, naming } = this.#options;
    // White space before a JSON text says nothing (RFC 8259 §2).
    if (framing === "json") return Buffer.from(" ");
    this.#beats += 1;
    if (this.#beats % 2 === 1) return Buffer.from(": waiting\n\n");
    const choices = [{ index: 0, delta: {}, finish_reason: null }];
    const chunk = { ...naming, object: "chat.completion.chunk", choices };
    return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}
