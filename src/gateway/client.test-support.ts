// A client as the pipeline sees it: what it is told is kept byte for byte, and everything that happens goes into a journal
// that it shares with the trail and the providers, so that tests can say what came before what.

import type { Refusal } from "../core/refusal.ts";
import { refusalToResponse } from "../http/refusal-to-response.ts";
import type { AnswerHeaders, ClientChannel, Framing } from "./client-channel.ts";

/** How an answer is over, in the words of `ClientChannel`. */
export type Ending = "respond" | "end" | "refuse" | "cut";

export class RecordingChannel implements ClientChannel {
  readonly #gone = new AbortController();
  readonly #journal: string[];
  readonly #written: Buffer[] = [];
  status: number | null = null;
  headers: AnswerHeaders = {};
  ending: Ending | null = null;
  refusal: Refusal | null = null;
  /** What no channel may be asked to do: a second answer, a write after the end. */
  readonly violations: string[] = [];
  readonly #finished = Promise.withResolvers<boolean>();
  framing: Framing = "sse";
  resting = false;
  /** Runs at each write of a stream; what it throws the channel throws, what it returns the pipeline waits for. */
  onWrite: (text: string) => Promise<void> | undefined = () => undefined;

  constructor(journal: string[] = []) {
    this.#journal = journal;
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get started(): boolean {
    return this.status !== null;
  }

  /** All bytes of the body, however they were written. */
  get text(): string {
    return Buffer.concat(this.#written).toString("utf8");
  }

  /** Body and headers: whatever the client could read. */
  get everything(): string {
    return `${JSON.stringify(this.headers)}\n${this.text}`;
  }

  get json(): Readonly<Record<string, unknown>> {
    const value: unknown = JSON.parse(this.text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  }

  /** The client goes away. */
  leave(): void {
    this.#gone.abort();
    this.#finished.resolve(false);
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array): void {
    if (this.ending !== null) this.violations.push("a second answer");
    if (!this.started) {
      this.status = status;
      this.headers = headers;
    }
    this.#written.push(Buffer.from(body));
    this.#over("respond", String(status));
  }

  open(status: number, headers: AnswerHeaders, framing: Framing): void {
    if (this.started) this.violations.push("opened twice");
    this.framing = framing;
    this.status = status;
    this.headers = headers;
    this.#journal.push(`open ${status}`);
  }

  write(text: string | Uint8Array): Promise<void> | undefined {
    if (!this.started || this.ending !== null) this.violations.push("a write outside an open stream");
    const bytes = Buffer.from(text);
    const waits = this.onWrite(bytes.toString("utf8"));
    this.#written.push(bytes);
    this.#journal.push("write");
    return waits;
  }

  end(): void {
    if (!this.started) this.violations.push("ended before it was opened");
    this.#over("end");
  }

  refuse(refusal: Refusal, headers: AnswerHeaders): void {
    this.refusal = refusal;
    const { status, headers: own, body } = refusalToResponse(refusal, headers["x-portcullis-call"] ?? null);
    const json = JSON.stringify(body);
    if (this.started) {
      this.#written.push(Buffer.from(this.framing === "sse" ? `data: ${json}\n\n` : json));
    } else {
      this.status = status;
      this.headers = { ...headers, ...own };
      this.#written.push(Buffer.from(json));
    }
    this.#over("refuse", refusal.reason);
  }

  rest(resting: boolean): void {
    if (resting === this.resting) this.violations.push("rested twice, or went on twice");
    this.resting = resting;
  }

  finished(): Promise<boolean> {
    return this.#finished.promise;
  }

  cut(): void {
    this.#over("cut");
  }

  #over(ending: Ending, detail = ""): void {
    if (this.ending !== null) this.violations.push(`${ending} after ${this.ending}`);
    this.ending = ending;
    this.#finished.resolve(ending !== "cut");
    this.#journal.push(`${ending} ${detail}`.trim());
  }
}
