// What pins a tool's definition: a digest over what tells the model (and the reader of a catalog) what the tool is.

import { hash } from "node:crypto";
import { isObject, type JsonObject, member } from "./json-shape.ts";

/**
 * `sha256:` and 64 hex digits: SHA-256 over the canonical form of an object with the definition's `name`, `description`
 * and `parameters`, each left out when it is absent. A custom tool has no parameters; in their place its `format`
 * counts, and OpenAI's default (free text) when it states none, so that it never has the digest of a function.
 * `definition` must come from strict JSON.
 */
export function toolDigest(definition: JsonObject, kind: "function" | "custom" | "legacy"): string {
  const pinned: Record<string, unknown> = {};
  for (const key of ["name", "description", kind === "custom" ? "format" : "parameters"]) {
    const value = member(definition, key);
    if (value !== undefined) pinned[key] = value;
    else if (key === "format") pinned[key] = { type: "text" };
  }
  return `sha256:${hash("sha256", canonicalForm(pinned), "hex")}`;
}

/**
 * RFC 8785 for any parsed JSON, floats included (verify/src/leaves/canonical-json.ts is for the trail, which has none): members
 * sorted by UTF-16 code units, no white space, strings escaped and numbers written as ECMAScript does (§3.2.2.3), which
 * is what JSON.stringify gives. Recursion is bounded by the depth to which the request was parsed.
 */
export function canonicalForm(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalForm).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalForm(value[key])}`);
  return `{${members.join(",")}}`;
}
