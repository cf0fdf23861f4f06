// Tool definitions in what people have at hand: a definition, a list of them, a request that offers them, or what `audit show
// --json` prints of a recorded call.

import { fail, ok, type Result } from "../core/result.ts";
import { parseStrictJson } from "../core/strict-json.ts";
import { isObject, type JsonObject, member } from "./json-shape.ts";
import { toolDigest } from "./tool-digest.ts";

export interface DefinedTool {
  readonly name: string;
  readonly digest: string;
  /** Undefined when it states none, as a custom tool. */
  readonly parameters: unknown;
}

const maxDepth = 128;

/** Each definition once, in order. A failure is text for people. */
export function definitionsIn(bytes: Buffer): Result<readonly DefinedTool[], string> {
  const read = parseStrictJson(bytes, maxDepth);
  if (!read.ok) return fail(`this is not JSON that can be read in one way only: ${read.failure.detail}`);
  const found = new Map(
    [...tools(read.value.value)].map((tool) => [JSON.stringify([tool.name, tool.digest]), tool]),
  );
  return ok([...found.values()]);
}

function* tools(value: unknown): Generator<DefinedTool> {
  if (Array.isArray(value)) {
    for (const one of value) yield* tools(one);
    return;
  }
  if (!isObject(value)) return;
  const lists = ["tools", "functions", "payloads"].map((key) => member(value, key)).filter(Array.isArray);
  if (lists.length > 0) for (const list of lists) yield* tools(list);
  else if (member(value, "field") === "request") yield* recordedTools(value);
  else yield* definedTool(value);
}

/** A request as it is kept beside the trail. */
function* recordedTools(payload: JsonObject): Generator<DefinedTool> {
  const text = member(payload, "value");
  if (typeof text !== "string" || member(payload, "encoding") !== "utf8") return;
  const read = parseStrictJson(Buffer.from(text), maxDepth);
  if (read.ok) yield* tools(read.value.value);
}

function* definedTool(value: JsonObject): Generator<DefinedTool> {
  const custom = member(value, "custom");
  const inner = isObject(custom) ? custom : member(value, "function");
  const definition = isObject(inner) ? inner : value;
  const name = member(definition, "name");
  if (typeof name !== "string" || name === "") return;
  const isCustom = isObject(custom) || member(value, "type") === "custom";
  yield {
    name,
    digest: toolDigest(definition, isCustom ? "custom" : "function"),
    parameters: isCustom ? undefined : member(definition, "parameters"),
  };
}
