// The tool calls in an assistant's message, taken out with their exact argument bytes. Whatever is shaped like a tool call
// and cannot be described becomes an action too: it is denied, not overlooked.

import type { ArgumentValues, RecordType } from "../core/argument-type.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { readArguments } from "./arguments.ts";
import { detectInArguments } from "./detectors.ts";
import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { quoted } from "./quoted.ts";
import { namedFault, toolCallFault } from "./tool-call-members.ts";

export interface ProposedAction {
  readonly choice: number;
  /** Counted over all that the choice proposes. */
  readonly position: number;
  /** The tool call's id as the provider gave it, or null. */
  readonly id: string | null;
  readonly kind: "function" | "custom" | "legacy" | "unknown";
  /** Empty when the proposal names none. */
  readonly tool: string;
  /** The arguments (of a custom tool: its input) as the model wrote them. */
  readonly argumentBytes: string;
  /** What is wrong with the proposal's shape, or null. */
  readonly malformed: string | null;
}

export interface ActionFacts {
  /** What the detectors found in the arguments; sorted. */
  readonly labels: readonly string[];
  /** Of a tool whose parameters the catalog states: what they say, and nothing else. */
  readonly arguments?: ArgumentValues;
}

/** Where stream-assembly.ts says why a call's parts do not fit together. A symbol, so that no JSON can hold it. */
export const assemblyFault: unique symbol = Symbol("assembly fault");

const maxToolName = 256;

/** `message` is a whole assistant message: as it came, or assembled from a stream. */
export function proposedActions(choice: number, message: JsonObject): readonly ProposedAction[] {
  const actions: ProposedAction[] = [];
  const calls = member(message, "tool_calls");
  if (Array.isArray(calls)) {
    for (const call of calls) actions.push(readToolCall({ choice, position: actions.length }, call));
  } else if (!isAbsent(calls)) {
    actions.push(malformed({ choice, position: 0 }, "`tool_calls` is not an array"));
  }
  const legacy = member(message, "function_call");
  if (!isAbsent(legacy)) {
    actions.push(readNamed({ choice, position: actions.length, id: null }, "legacy", legacy));
  }
  return actions;
}

type Place = Pick<ProposedAction, "choice" | "position">;

function readToolCall(place: Place, call: unknown): ProposedAction {
  if (!isObject(call)) return malformed(place, "a tool call is not an object");
  if (assemblyFault in call) return malformed(place, String(call[assemblyFault]));
  const fault = toolCallFault(call);
  if (fault !== null) return malformed(place, fault);
  const id = member(call, "id") ?? null;
  if (id !== null && typeof id !== "string") return malformed(place, "the id of a tool call is not a string");
  const isCustom = !isAbsent(member(call, "custom"));
  if (isCustom && !isAbsent(member(call, "function"))) {
    return malformed(place, "a tool call is a function and a custom tool at once");
  }
  const type = member(call, "type") ?? (isCustom ? "custom" : "function");
  if (type !== "function" && type !== "custom") {
    return malformed(place, "a tool call is of a type that cannot be described");
  }
  return readNamed({ ...place, id }, type, member(call, type));
}

function readNamed(
  place: Place & Pick<ProposedAction, "id">,
  kind: "function" | "custom" | "legacy",
  named: unknown,
): ProposedAction {
  const name = isObject(named) ? member(named, "name") : undefined;
  if (!isObject(named) || typeof name !== "string" || name === "") {
    return malformed(place, "a tool call has no name");
  }
  const fault = namedFault(named);
  if (fault !== null) return malformed(place, fault);
  if (name.length > maxToolName || !name.isWellFormed()) {
    return malformed(place, "the name of a tool call is too long, or no text");
  }
  const written = member(named, kind === "custom" ? "input" : "arguments") ?? "";
  if (typeof written !== "string") {
    return { ...malformed(place, `the arguments of ${quoted(name)} are not a string`), tool: name };
  }
  return { ...place, kind, tool: name, argumentBytes: written, malformed: null };
}

function malformed(place: Place, detail: string): ProposedAction {
  const { choice, position } = place;
  return { choice, position, id: null, kind: "unknown", tool: "", argumentBytes: "", malformed: detail };
}

/**
 * The facts of an action, or why it cannot be described, which is a deny. `type`: what the catalog says the tool's arguments
 * are, or null.
 */
export function describeAction(
  action: ProposedAction,
  type: RecordType | null,
): Result<ActionFacts, { readonly detail: string }> {
  if (action.malformed !== null) return fail({ detail: action.malformed });
  const read = action.kind === "custom" ? freeText(type) : readArguments(action.argumentBytes, type);
  if (!read.ok) {
    return fail({ detail: `the arguments of ${quoted(action.tool)} cannot be described: ${read.failure}` });
  }
  const labels = new Set<string>();
  detectInArguments(action.argumentBytes, labels);
  return ok({ labels: [...labels].sort(), ...(type === null ? {} : { arguments: read.value }) });
}

/** A custom tool's input is free text. Any text can be described, but not as the parameters of a function. */
function freeText(type: RecordType | null): Result<ArgumentValues, string> {
  return type === null ? ok({}) : fail("they are free text, and the catalog states `parameters`");
}
