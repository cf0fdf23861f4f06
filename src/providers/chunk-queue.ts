// Chunks between an upstream's socket and whoever reads them. A slow reader pauses the socket, and one that does not come
// back loses it.

import type { Dispatcher } from "undici";
import { nextTurn } from "../core/turn.ts";
import { type ProviderFailure, ProviderStreamError } from "./provider.ts";

/** Bytes that wait before the socket is paused. */
const highWaterBytes = 64 * 1024;

export interface ChunkQueueOptions {
  /** How long a paused stream waits for its reader. */
  readonly stallMs: number;
  /** Called when the reader leaves early or stalls: the exchange is to be cancelled. */
  readonly abandon: (failure: ProviderFailure) => void;
}

/** For one reader. */
export class ChunkQueue implements AsyncIterable<Buffer> {
  readonly #controller: Dispatcher.DispatchController;
  readonly #options: ChunkQueueOptions;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Set while the socket is paused. */
  #stall: NodeJS.Timeout | null = null;
  #ended: { readonly failure: ProviderFailure | null } | null = null;
  #wake: (() => void) | null = null;

  constructor(controller: Dispatcher.DispatchController, options: ChunkQueueOptions) {
    this.#controller = controller;
    this.#options = options;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= highWaterBytes && this.#stall === null) {
      this.#controller.pause();
      this.#stall = setTimeout(() => {
        this.#options.abandon({ reason: "timeout", detail: "its answer was not read for too long" });
      }, this.#options.stallMs);
    }
    this.#notify();
  }

  /** What came before a break is still read; after a cancellation nobody wants it. */
  end(failure: ProviderFailure | null): void {
    if (this.#ended !== null) return;
    this.#ended = { failure };
    if (failure?.reason === "cancelled") this.#chunks = [];
    this.#flow();
    this.#notify();
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.#options.abandon({ reason: "cancelled", detail: "nobody reads on" });
        return { done: true, value: undefined };
      },
    };
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    for (;;) {
      const [first, ...others] = this.#chunks;
      if (first !== undefined) {
        this.#chunks = [];
        this.#bytes = 0;
        this.#flow();
        return { done: false, value: others.length === 0 ? first : Buffer.concat([first, ...others]) };
      }
      if (this.#ended !== null) {
        if (this.#ended.failure !== null) throw new ProviderStreamError(this.#ended.failure);
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      // Together with the other streams of which something came, and with what else came of this one.
      await nextTurn();
    }
  }

  #flow(): void {
    if (this.#stall === null) return;
    clearTimeout(this.#stall);
    this.#stall = null;
    if (this.#ended === null) this.#controller.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
