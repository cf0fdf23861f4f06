// Refuses keys that only differ in case from one that is interpreted: policy would see one value and a server that does not
// mind case another.

import { foldedKey } from "../core/folded-key.ts";
import type { JsonObject } from "./json-shape.ts";
import { quoted } from "./quoted.ts";
import { invalid } from "./request-refusal.ts";

/** Null when there is none. `at` is the path of `object`, empty for the request body. */
export function foldedMember(
  object: JsonObject,
  names: ReadonlySet<string>,
  at: string,
): ReturnType<typeof invalid> | null {
  const key = foldedKey(object, names);
  if (key === null) return null;
  const where = at === "" ? "the request body" : `\`${at}\``;
  return invalid(
    at === "" ? key : `${at}.${key}`,
    `${where} holds ${quoted(key)}, which servers that ignore case take for another member; write it in lower case or leave it out`,
  );
}
