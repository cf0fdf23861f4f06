// A provider's chat answer, whole or in chunks, read as far as the gate needs: who said it, how it ended, what it used
// and the choices to be inspected.

import { fail, ok, type Result } from "../core/result.ts";
import { isAbsent, isObject, type JsonObject } from "../facts/json-shape.ts";
import { readTokenUsage, type TokenUsage } from "../usage/token-usage.ts";
import { answerFault, choiceFault, messageFault } from "./answer-members.ts";

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
  /** Whether it says that the provider failed, and nothing else. */
  readonly isError: boolean;
}

/** Anything that is not shaped like an answer fails: what cannot be inspected is not passed on. */
export function readChatAnswer(value: unknown): Result<ChatAnswer, string> {
  if (!isObject(value)) return fail("it is not a JSON object");
  const fault = answerFault(value);
  if (fault !== null) return fail(fault);
  const choices: AnswerChoice[] = [];
  const listed = value["choices"];
  if (!isAbsent(listed)) {
    if (!Array.isArray(listed)) return fail("`choices` is not an array");
    for (const [position, choice] of listed.entries()) {
      const read = readChoice(choice, position);
      if (!read.ok) return read;
      choices.push(read.value);
    }
  }
  const { error, model } = value;
  // Clients differ in whether an empty error is one, and so in whether they read on.
  if (!isAbsent(error) && (!error || choices.length > 0)) {
    return fail("it holds an `error` that says nothing, or one beside its `choices`");
  }
  return ok({
    model: typeof model === "string" ? model : null,
    usage: readTokenUsage(value["usage"]),
    choices,
    isError: !isAbsent(error),
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
  const { delta, message } = choice;
  if (!isAbsent(delta) && !isAbsent(message)) return fail("a choice has both a `delta` and a `message`");
  const content = delta ?? message ?? null;
  if (content !== null && !isObject(content)) return fail("a choice's message is not an object");
  const fault = choiceFault(choice) ?? (content === null ? null : messageFault(content));
  // Some vendors send an empty reason with every chunk, which ends nothing.
  return fault === null ? ok({ index, content, finishReason: finishReason || null }) : fail(fault);
}

/** The reasons with which a message that proposes tool calls is complete; any other, or none, may have cut it off. */
export function endsWhole(finishReason: string | null): boolean {
  return finishReason === "tool_calls" || finishReason === "function_call" || finishReason === "stop";
}
