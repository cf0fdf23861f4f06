// An upstream that does what a test says, for what no real one can be made to do on demand. It keeps to the contract of
// `ModelProvider`, save where a script breaks it on purpose.

import { ok, type Result } from "../core/result.ts";
import {
  type ModelProvider,
  type ProviderAnswer,
  type ProviderFailure,
  type ProviderRequest,
  ProviderStreamError,
} from "../providers/provider.ts";

type Sent = Result<ProviderAnswer, ProviderFailure>;

export type Script = (request: ProviderRequest) => Sent | Promise<Sent>;

export class ScriptedProvider implements ModelProvider {
  readonly type = "openai";
  readonly name: string;
  readonly models = null;
  asksForStreamUsage = false;
  script: Script;
  readonly sent: ProviderRequest[] = [];
  readonly #journal: string[];

  constructor(name: string, script: Script, journal: string[]) {
    this.name = name;
    this.script = script;
    this.#journal = journal;
  }

  async send(request: ProviderRequest): Promise<Sent> {
    this.sent.push(request);
    const { model } = JSON.parse(Buffer.from(request.body).toString("utf8"));
    this.#journal.push(`send ${this.name}/${model}`);
    return this.script(request);
  }

  async close(): Promise<void> {}
}

export const cancelled: ProviderFailure = { reason: "cancelled", detail: "the client is gone" };

export function whole(status: number, body: unknown): Sent {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return ok({ kind: "whole", status, headers: { "content-type": "application/json" }, body: bytes });
}

export function completion(message: object, finish_reason: string | null = "stop"): object {
  const usage = { prompt_tokens: 7, completion_tokens: 5 };
  return { id: "x", model: "m-2026", choices: [{ index: 0, message, finish_reason }], usage };
}

/** What a scripted stream gives next: bytes, a fault to break with, or something to do first. */
export type Step = string | Buffer | Error | (() => void | Promise<void>);

export interface ScriptedStream {
  readonly script: Script;
  /** Whether the reader let go of it, or read it to its end. */
  readonly closed: () => boolean;
}

/** Ends with `cancelled` once the request's signal is aborted, as every provider's stream does. */
export function streamOf(steps: readonly Step[]): ScriptedStream {
  let closed = false;
  async function* read(signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
    for (const step of steps) {
      if (typeof step === "function") await step();
      if (signal.aborted) throw new ProviderStreamError(cancelled);
      if (step instanceof Error) throw step;
      if (typeof step !== "function") yield Buffer.from(step);
    }
    closed = true;
  }
  const chunks = (signal: AbortSignal): AsyncIterable<Buffer> => ({
    [Symbol.asyncIterator]() {
      const reading = read(signal);
      const leave = (): Promise<IteratorResult<Buffer, undefined>> => {
        closed = true;
        return reading.return(undefined);
      };
      return { next: () => reading.next(), return: leave };
    },
  });
  const headers = { "content-type": "text/event-stream" };
  return {
    script: ({ signal }) => ok({ kind: "stream", status: 200, headers, chunks: chunks(signal) }),
    closed: () => closed,
  };
}

/** An event with this chunk. */
export function event(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** An event of one choice, as OpenAI sends it. */
export function delta(fields: object, finish_reason: string | null = null, index = 0): string {
  return event({ id: "x", model: "m-2026", choices: [{ index, delta: fields, finish_reason }] });
}

export const done = "data: [DONE]\n\n";
