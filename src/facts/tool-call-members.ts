// What a tool call may hold besides what is decided: nothing that a client could run in its place.

import { foldedKey } from "../core/folded-key.ts";
import { isObject, isStructured, type JsonObject, member } from "./json-shape.ts";
import { quoted } from "./quoted.ts";

const callMembers: ReadonlySet<string> = new Set(["id", "type", "index", "function", "custom"]);
const namedMembers: ReadonlySet<string> = new Set(["name", "arguments", "input"]);

/** Objects that vendors put beside a call and want back with its result. */
const inert: ReadonlySet<string> = new Set(["extra_content", "function", "custom"]);

/** Why a tool call, whole or a part of one, can be read in more than one way; null when it cannot. */
export function toolCallFault(call: JsonObject): string | null {
  for (const key in call) {
    if (isStructured(call[key]) && !inert.has(key)) {
      return `a tool call holds ${quoted(key)}, which is not known to be harmless`;
    }
  }
  return (
    foldedFault(call, callMembers) ??
    namedFault(member(call, "function")) ??
    namedFault(member(call, "custom"))
  );
}

/** The same for what names the tool: the `function` of a call, or a message's `function_call`. */
export function namedFault(named: unknown): string | null {
  return isObject(named) ? foldedFault(named, namedMembers) : null;
}

function foldedFault(object: JsonObject, names: ReadonlySet<string>): string | null {
  const key = foldedKey(object, names);
  return key === null ? null : `a tool call holds ${quoted(key)}, which some clients take for another member`;
}
