// An answer on its way to the client, with what goes on record of it: whether it was opened, and the digest of every byte.

import { createHash } from "node:crypto";
import type { AnswerHeaders, ClientChannel, Framing } from "./client-channel.ts";
import { KeptAnswer } from "./kept-answer.ts";

export interface AnswerForm {
  readonly framing: Framing;
  readonly status: number;
  /** Asked when the answer is opened. */
  readonly headers: () => AnswerHeaders;
  /** Most bytes that are kept for the payload; 0 keeps nothing. */
  readonly keepBytes: number;
}

/** Whose first byte is noted. */
interface Timed {
  firstByte(): void;
}

const framed: Readonly<Record<Framing, AnswerHeaders>> = {
  sse: { "content-type": "text/event-stream; charset=utf-8" },
  json: { "content-type": "application/json" },
};

export class AnswerWriter {
  readonly #run: Timed;
  readonly #client: ClientChannel;
  readonly #form: AnswerForm;
  readonly #digest = createHash("sha256");
  readonly #kept: KeptAnswer;

  constructor(run: Timed, client: ClientChannel, form: AnswerForm) {
    this.#run = run;
    this.#client = client;
    this.#form = form;
    this.#kept = new KeptAnswer(form.keepBytes);
  }

  get form(): AnswerForm {
    return this.#form;
  }

  /** Sends the head of an answer whose bytes come bit by bit, unless it is out. */
  open(): void {
    if (this.#client.started) return;
    this.#run.firstByte();
    const { status, framing } = this.#form;
    this.#client.open(status, { ...this.#headers(), ...streamed }, framing);
  }

  write(bytes: Buffer): Promise<void> | undefined {
    this.open();
    this.note(bytes);
    return this.#client.write(bytes);
  }

  /** Bytes that are on their way, or are about to be. */
  note(bytes: Buffer): void {
    this.#digest.update(bytes);
    this.#kept.push(bytes);
  }

  /** What goes on record, once all bytes are noted. To be asked once. */
  recorded(): { readonly responseDigest: Uint8Array; readonly response: Uint8Array | null } {
    return { responseDigest: this.#digest.digest(), response: this.#kept.whole() };
  }

  /** The last bytes, which were noted before. */
  async finish(last: Buffer): Promise<void> {
    if (!this.#client.started && this.#form.framing === "json") {
      this.#run.firstByte();
      return this.#client.respond(this.#form.status, this.#headers(), last);
    }
    this.open();
    await this.#client.write(last);
    this.#client.end();
  }

  #headers(): AnswerHeaders {
    return { ...this.#form.headers(), ...framed[this.#form.framing], "x-content-type-options": "nosniff" };
  }
}

/** Nobody between is to keep an answer back until it is whole. */
const streamed: AnswerHeaders = { "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" };
