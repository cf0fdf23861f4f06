// Whether a tool call's arguments can be described: one I-JSON object (RFC 7493), which reads the same to the model's
// provider, to us, to policy and to whoever runs the tool, and which nobody can mistake for Cedar's own JSON. Where the
// catalog states the tool's parameters, it is what they say, so that policies see all of it.

import { type ArgumentValues, argumentFault, type RecordType } from "../core/argument-type.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { parseStrictJsonText } from "../core/strict-json.ts";
import { isObject } from "./json-shape.ts";
import { quoted } from "./quoted.ts";

const maxDepth = 64;

/** How Cedar's JSON says that an object is a reference or a call of an extension, now or formerly. */
export const cedarKeys = ["__entity", "__extn", "__expr"] as const;

/**
 * The arguments, or what is wrong with them, in words that may name a member and never quote its value. No text at all counts
 * as an object without members: that is how many models call a function without parameters, and clients take it so.
 */
export function readArguments(text: string, type: RecordType | null): Result<ArgumentValues, string> {
  const json = parseStrictJsonText(text === "" ? "{}" : text, maxDepth, "exact");
  if (!json.ok) return fail(json.failure.detail);
  if (!isObject(json.value)) return fail("they are not a JSON object");
  const reserved = cedarKey(json.value);
  if (reserved !== null) return fail(`they hold the reserved key \`${reserved}\``);
  const fault = type === null ? null : argumentFault(type, json.value);
  return fault === null ? ok(json.value) : fail(`${quoted(fault.path.join("."))} ${fault.problem}`);
}

/** A reserved key at any level, or null. Without recursion. */
function cedarKey(root: object): string | null {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (isObject(next)) {
      const found = cedarKeys.find((key) => Object.hasOwn(next, key));
      if (found !== undefined) return found;
      for (const item of Object.values(next)) waiting.push(item);
    } else if (Array.isArray(next)) {
      for (const item of next) waiting.push(item);
    }
  }
  return null;
}
