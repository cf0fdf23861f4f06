// Whether a tool call's arguments can be described: one I-JSON object (RFC 7493), which reads the same to the model's
// provider, to us, to policy and to whoever runs the tool, and which nobody can mistake for Cedar's own JSON.

import { parseStrictJsonText } from "../core/strict-json.ts";
import { isObject } from "./json-shape.ts";

const maxDepth = 64;

/** How Cedar's JSON says that an object is a reference or a call of an extension, now or formerly. */
const cedarKeys = ["__entity", "__extn", "__expr"] as const;

/**
 * What is wrong with the arguments, or null. No text at all counts as an object without members: that is how many models
 * call a function without parameters, and clients take it so.
 */
export function undescribableArguments(text: string): string | null {
  if (text === "") return null;
  const json = parseStrictJsonText(text, maxDepth, "exact");
  if (!json.ok) return json.failure.detail;
  if (!isObject(json.value)) return "they are not a JSON object";
  const reserved = cedarKey(json.value);
  return reserved === null ? null : `they hold the reserved key \`${reserved}\``;
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
