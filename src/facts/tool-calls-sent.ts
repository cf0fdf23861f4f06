// The tool calls that an assistant's message brings back to its model. They have been decided when they were made; that
// they read the same to everybody is looked at again, because a client can write anything here.

import { foldedMember } from "./folded-member.ts";
import { isObject, member } from "./json-shape.ts";

const callMembers: ReadonlySet<string> = new Set(["custom", "function", "id", "index", "type"]);
const namedMembers: ReadonlySet<string> = new Set(["arguments", "input", "name"]);

/** Null when no key only differs in case from one that is read. `at` is the message's path. */
export function foldedToolCall(calls: unknown, legacy: unknown, at: string): ReturnType<typeof foldedMember> {
  const named = isObject(legacy) ? foldedMember(legacy, namedMembers, `${at}.function_call`) : null;
  if (named !== null || !Array.isArray(calls)) return named;
  for (const [place, call] of calls.entries()) {
    const folded = isObject(call) ? foldedCall(call, `${at}.tool_calls.${place}`) : null;
    if (folded !== null) return folded;
  }
  return null;
}

function foldedCall(call: Readonly<Record<string, unknown>>, at: string): ReturnType<typeof foldedMember> {
  const folded = foldedMember(call, callMembers, at);
  if (folded !== null) return folded;
  for (const kind of ["function", "custom"]) {
    const named = member(call, kind);
    const inner = isObject(named) ? foldedMember(named, namedMembers, `${at}.${kind}`) : null;
    if (inner !== null) return inner;
  }
  return null;
}
