// A provider's chat answer, whole or in chunks, read as far as the gate needs: who said it, how it ended, what it used
// and the choices to be inspected.

import { fail, ok, type Result } from "../core/result.ts";
import { readTokenUsage, type TokenUsage } from "../usage/token-usage.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface AnswerChoice {
  readonly index: number;
  /** `message` of a whole answer, `delta` (or, from some vendors, `message`) of a chunk; null when there is none. */
  readonly content: JsonObject | null;
  readonly finishReason: string | null;
}

export interface ChatAnswer {
  readonly model: string | null;
  readonly usage: TokenUsage | null;
  readonly choices: readonly AnswerChoice[];
  /** The `error` member, when the answer is one. */
  readonly error: unknown;
}

/** Anything that is not shaped like an answer fails: what cannot be inspected is not passed on. */
export function readChatAnswer(value: unknown): Result<ChatAnswer, string> {
  if (!isObject(value)) return fail("it is not a JSON object");
  const choices: AnswerChoice[] = [];
  const listed = value["choices"];
  if (listed !== undefined && listed !== null) {
    if (!Array.isArray(listed)) return fail("`choices` is not an array");
    for (const [position, choice] of listed.entries()) {
      const read = readChoice(choice, position);
      if (!read.ok) return read;
      choices.push(read.value);
    }
  }
  const model = value["model"];
  return ok({
    model: typeof model === "string" ? model : null,
    usage: readTokenUsage(value["usage"]),
    choices,
    error: value["error"],
  });
}

function readChoice(choice: unknown, position: number): Result<AnswerChoice, string> {
  if (!isObject(choice)) return fail("a choice is not an object");
  const index = choice["index"] ?? position;
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0 || index > 127) {
    return fail("a choice has an `index` that is not a small integer");
  }
  const finishReason = choice["finish_reason"] ?? null;
  if (finishReason !== null && typeof finishReason !== "string")
    return fail("a `finish_reason` is not a string");
  if (isPresent(choice["delta"]) && isPresent(choice["message"])) {
    return fail("a choice has both a `delta` and a `message`");
  }
  const content = choice["delta"] ?? choice["message"] ?? null;
  if (content !== null && !isObject(content)) return fail("a choice's message is not an object");
  return ok({ index, content, finishReason });
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
