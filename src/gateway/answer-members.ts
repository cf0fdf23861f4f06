// What an answer may hold besides what is inspected. Clients look for tool calls in more places than OpenAI's, and some
// read keys without regard to case: a member that nobody here knows and that could carry one is not passed on.

import { foldedKey } from "../core/folded-key.ts";
import { isObject, isStructured, type JsonObject } from "../facts/json-shape.ts";

interface Level {
  /** Read here, under exactly these names. */
  readonly read: ReadonlySet<string>;
  /**
   * Objects and arrays among them, and those that vendors are known to send and in which no client looks for something to
   * do.
   */
  readonly structured: ReadonlySet<string>;
}

function level(scalars: string, structures: string, inert: string): Level {
  const names = (list: string): readonly string[] => list.split(" ").filter((name) => name !== "");
  return {
    read: new Set([...names(scalars), ...names(structures)]),
    structured: new Set([...names(structures), ...names(inert)]),
  };
}

const answer = level(
  "id object created model",
  "choices usage error",
  "citations content_filter_results images kv_transfer_params meta_info metrics moderation prompt_annotations prompt_filter_results prompt_logprobs prompt_token_ids related_questions search_results stats time_info timings videos web_search x_groq",
);
const choice = level(
  "index finish_reason",
  "message delta",
  "content_filter_offsets content_filter_result content_filter_results error logprobs prompt_token_ids routed_experts token_ids",
);
const message = level(
  "role refusal",
  "content tool_calls function_call",
  "annotations audio citations content_filter_results context executed_tools extra_content images reasoning_details search_results thinking_blocks token_ids",
);
const part = level("type text", "", "annotations audio file image_url logprobs reasoning source thinking");

/** Content parts that show something. Any other kind may do something. */
const shownParts: ReadonlySet<string> = new Set([
  "audio",
  "citation",
  "file",
  "image",
  "image_url",
  "output_audio",
  "output_image",
  "output_text",
  "reasoning",
  "redacted_thinking",
  "reference",
  "refusal",
  "text",
  "thinking",
]);

/** Why a whole answer or a chunk of one cannot be inspected, or null. Of its choices nothing is said. */
export function answerFault(value: JsonObject): string | null {
  return memberFault(value, answer, "the answer") ?? countFault(value["usage"]);
}

/** Members of a message that make a client do something. */
const acting: ReadonlySet<string> = new Set(["tool_calls", "function_call"]);

/** Whatever the case of its letters. */
function isActing(key: string): boolean {
  return acting.has(key) || foldedKey({ [key]: null }, acting) !== null;
}

/** Usage counts. Vendors nest counts in it in ways of their own, but a tool call is not one of them. */
function countFault(usage: unknown): string | null {
  if (!isStructured(usage)) return null;
  for (const [key, value] of Object.entries(usage)) {
    if (isActing(key)) {
      return `\`usage\` holds \`${shown(key)}\`, which is no count`;
    }
    const fault = countFault(value);
    if (fault !== null) return fault;
  }
  return null;
}

export function choiceFault(value: JsonObject): string | null {
  return memberFault(value, choice, "a choice");
}

/** Of a message or a delta, its content parts included. Its tool calls are decided, whatever they look like. */
export function messageFault(value: JsonObject): string | null {
  return (
    memberFault(value, message, "a message") ??
    (isObject(value["content"]) ? unknownPart : firstFault(value["content"], partFault))
  );
}

const unknownPart = "a content part is of a kind that is not known to be harmless";

function partFault(value: JsonObject): string | null {
  const { type } = value;
  if (typeof type !== "string" || !shownParts.has(type)) return unknownPart;
  return memberFault(value, part, "a content part");
}

function firstFault(values: unknown, faultOf: (value: JsonObject) => string | null): string | null {
  if (!Array.isArray(values)) return null;
  for (const value of values) {
    const fault = isObject(value) ? faultOf(value) : null;
    if (fault !== null) return fault;
  }
  return null;
}

function memberFault(value: JsonObject, { read, structured }: Level, what: string): string | null {
  for (const key in value) {
    if (isStructured(value[key]) && !structured.has(key)) {
      return `${what} holds \`${shown(key)}\`, which is not known to be harmless`;
    }
    // A text may be JSON to some reader or other.
    if (!read.has(key) && value[key] !== null && isActing(key)) {
      return `${what} holds \`${shown(key)}\`, which makes some clients do something`;
    }
  }
  const folded = foldedKey(value, read);
  return folded === null
    ? null
    : `${what} holds \`${shown(folded)}\`, which some clients take for another member`;
}

function shown(key: string): string {
  return key.toWellFormed().slice(0, 64);
}
