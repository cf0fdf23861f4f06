// Reads every event of a streamed chat answer before the client does, and says which may go on now and which wait until
// the whole answer is decided and recorded.

import type { Result } from "../core/result.ts";
import { fail, ok } from "../core/result.ts";
import { parseStrictJsonText } from "../core/strict-json.ts";
import { isObject, type JsonObject } from "../facts/json-shape.ts";
import { type ProposedAction, proposedActions } from "../facts/proposed-actions.ts";
import { ChoiceAssembly } from "../facts/stream-assembly.ts";
import type { SseEvent } from "../providers/sse-decoder.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import { type ChatAnswer, endsWhole, readChatAnswer } from "./chat-answer.ts";

/** An event kept back until the end. */
export interface HeldEvent {
  readonly raw: Buffer;
  /** The choices it speaks of; empty for usage and `[DONE]`. */
  readonly choices: readonly number[];
  /** The parsed chunk, where it may have to be taken apart: it speaks of several choices, or of usage beside one. */
  readonly chunk: JsonObject | null;
}

export interface InspectionOptions {
  /** We asked for usage and the client did not: the chunk that only holds it is kept from the client. */
  readonly usageIsOurs: boolean;
  readonly maxDepth: number;
  /** Whether the request offers a tool of this name. */
  readonly offers: (tool: string) => boolean;
  /** Most bytes kept back, and most bytes of one choice's assembled message. */
  readonly maxHeldBytes: number;
}

export type InspectionFailure = { readonly reason: "invalid" | "too_large"; readonly detail: string };

export class StreamInspection {
  readonly #options: InspectionOptions;
  readonly #choices = new Map<number, ChoiceAssembly>();
  readonly #finishReasons = new Map<number, string>();
  readonly #holding = new Set<number>();
  readonly held: HeldEvent[] = [];
  #heldBytes = 0;
  #done = false;
  #usage: TokenUsage | null = null;
  #model: string | null = null;
  #errorEvent: Buffer | null = null;
  #lastChunk: JsonObject | null = null;

  constructor(options: InspectionOptions) {
    this.#options = options;
  }

  /** The bytes that may go to the client now, or null when the event waits or is dropped. */
  take(event: SseEvent): Result<Buffer | null, InspectionFailure> {
    if (this.#done) return ok(null);
    // A comment keeps connections open.
    if (event.data === null) return ok(event.raw.length === 0 ? null : event.raw);
    if (event.data === "[DONE]") {
      this.#done = true;
      return this.#hold({ raw: event.raw, choices: [], chunk: null });
    }
    const json = parseStrictJsonText(event.data, this.#options.maxDepth);
    if (!json.ok)
      return fail({ reason: "invalid", detail: `an event is not strict JSON: ${json.failure.detail}` });
    const answer = readChatAnswer(json.value);
    if (!answer.ok) return fail({ reason: "invalid", detail: answer.failure });
    const chunk = isObject(json.value) ? json.value : null;
    return this.#takeChunk(event.raw, chunk, answer.value);
  }

  /** Whether the upstream said `[DONE]`: whatever follows is not part of the answer. */
  get done(): boolean {
    return this.#done;
  }

  /** Whether the upstream said `[DONE]`, or every choice it began has a finish reason. */
  get complete(): boolean {
    if (this.#done) return true;
    return (
      this.#choices.size > 0 && [...this.#choices.keys()].every((index) => this.#finishReasons.has(index))
    );
  }

  /** The error event with which the upstream ended the stream, or null. */
  get errorEvent(): Buffer | null {
    return this.#errorEvent;
  }

  get usage(): TokenUsage | null {
    return this.#usage;
  }

  get model(): string | null {
    return this.#model;
  }

  get finishReasons(): readonly string[] {
    return [...this.#finishReasons.values()];
  }

  /** Bytes of text and arguments the model produced, to estimate from when the provider reports no usage. */
  get outputBytes(): number {
    let bytes = 0;
    for (const choice of this.#choices.values()) bytes += choice.outputBytes;
    return bytes;
  }

  get actions(): readonly ProposedAction[] {
    return [...this.#choices].flatMap(([index, choice]) => proposedActions(index, choice.message()));
  }

  /** Whether a choice with tool calls ended for another reason than being complete. */
  get truncated(): boolean {
    return this.toolChoices.some((index) => !endsWhole(this.#finishReasons.get(index) ?? null));
  }

  /** The choices that propose something, each with its tool calls put together. */
  get proposals(): readonly {
    readonly index: number;
    readonly message: JsonObject;
    readonly finishReason: string | null;
  }[] {
    return this.toolChoices.map((index) => ({
      index,
      message: this.#choices.get(index)?.message() ?? {},
      finishReason: this.#finishReasons.get(index) ?? null,
    }));
  }

  /** Whether anything of a tool call has come. */
  get proposes(): boolean {
    for (const choice of this.#choices.values()) if (choice.hasToolDelta) return true;
    return false;
  }

  get toolChoices(): readonly number[] {
    return [...this.#choices].filter(([, choice]) => choice.hasToolDelta).map(([index]) => index);
  }

  /** The members of the last chunk that name the answer, for a chunk of our own. */
  get naming(): JsonObject {
    const { id, created, model } = this.#lastChunk ?? {};
    return {
      id: id ?? "chatcmpl-portcullis",
      object: "chat.completion.chunk",
      created: created ?? 0,
      model: model ?? "",
    };
  }

  #takeChunk(
    raw: Buffer,
    chunk: JsonObject | null,
    answer: ChatAnswer,
  ): Result<Buffer | null, InspectionFailure> {
    if (answer.isError) {
      this.#errorEvent = raw;
      return ok(null);
    }
    this.#lastChunk = chunk;
    this.#model = answer.model ?? this.#model;
    this.#usage = answer.usage ?? this.#usage;
    if (answer.choices.length === 0) return this.#takeWithoutChoices(raw, answer);

    let hold = false;
    for (const { index, content, finishReason } of answer.choices) {
      const choice = this.#choice(index);
      if (content !== null) {
        const pushed = choice.push(content);
        if (!pushed.ok) return fail({ reason: "too_large", detail: pushed.failure });
      }
      if (finishReason !== null) this.#finishReasons.set(index, finishReason);
      if (finishReason !== null || choice.hasToolDelta || this.#holding.has(index)) hold = true;
    }
    if (!hold) return ok(raw);
    const choices = answer.choices.map((choice) => choice.index);
    // An event is held as a whole, so whatever follows of its choices has to wait behind it.
    for (const index of choices) this.#holding.add(index);
    return this.#hold({ raw, choices, chunk: choices.length > 1 || answer.usage !== null ? chunk : null });
  }

  #takeWithoutChoices(raw: Buffer, answer: ChatAnswer): Result<Buffer | null, InspectionFailure> {
    if (answer.usage === null) return ok(raw);
    return this.#options.usageIsOurs ? ok(null) : this.#hold({ raw, choices: [], chunk: null });
  }

  #choice(index: number): ChoiceAssembly {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = new ChoiceAssembly(this.#options.maxHeldBytes, this.#options.offers);
      this.#choices.set(index, choice);
    }
    return choice;
  }

  #hold(event: HeldEvent): Result<null, InspectionFailure> {
    this.#heldBytes += event.raw.length;
    if (this.#heldBytes > this.#options.maxHeldBytes) {
      return fail({ reason: "too_large", detail: "more than `limits.response` had to be held back" });
    }
    this.held.push(event);
    return ok(null);
  }
}
