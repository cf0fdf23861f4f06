// The tools a request offers to the model: their names and kinds, and the digests of their definitions when asked for.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { quoted } from "./quoted.ts";
import { invalid, undescribable } from "./request-refusal.ts";
import { toolDigest } from "./tool-digest.ts";

export interface OfferedTool {
  readonly kind: "function" | "custom" | "legacy";
  /** See tool-digest.ts. Worked out when asked for: only a tool that is called needs it. */
  readonly digest: () => string;
}

export interface OfferedTools {
  readonly byName: ReadonlyMap<string, OfferedTool>;
  /** Tools that the provider runs itself, as features: `tool:web_search`. */
  readonly hosted: readonly string[];
}

const maxTools = 512;
const maxNameLength = 256;
/** All names together as the trail writes them, so that an entry stays well under its 64 KiB. */
const maxNamesBytes = 16 * 1024;

const noTools: OfferedTools = { byName: new Map(), hosted: [] };

interface Gathered {
  readonly byName: Map<string, OfferedTool>;
  readonly hosted: string[];
}

export function offeredTools(body: JsonObject): Result<OfferedTools, Refusal> {
  const tools = member(body, "tools");
  const functions = member(body, "functions");
  if (isAbsent(tools) && isAbsent(functions)) return ok(noTools);
  const gathered: Gathered = { byName: new Map(), hosted: [] };
  for (const [param, list] of [
    ["tools", tools],
    ["functions", functions],
  ] as const) {
    const added = addTools(gathered, param, list);
    if (!added.ok) return added;
  }
  const names = JSON.stringify([...gathered.byName.keys()]);
  if (Buffer.byteLength(names) > maxNamesBytes) {
    return undescribable(`the names of its tools take more than ${maxNamesBytes} bytes`);
  }
  return ok(gathered);
}

function addTools(gathered: Gathered, param: "tools" | "functions", list: unknown): Result<null, Refusal> {
  if (isAbsent(list)) return ok(null);
  if (!Array.isArray(list)) return invalid(param, `\`${param}\` must be an array`);
  if (list.length > maxTools) return undescribable(`it offers more than ${maxTools} tools`);
  for (const [position, entry] of list.entries()) {
    const added = addTool(gathered, param, entry, `${param}.${position}`);
    if (!added.ok) return added;
  }
  return gathered.byName.size > maxTools ? undescribable(`it offers more than ${maxTools} tools`) : ok(null);
}

function addTool(
  { byName, hosted }: Gathered,
  param: "tools" | "functions",
  entry: unknown,
  at: string,
): Result<null, Refusal> {
  if (!isObject(entry)) return invalid(at, `\`${at}\` must be an object`);
  const type = param === "functions" ? "legacy" : member(entry, "type");
  if (type !== "legacy" && type !== "function" && type !== "custom") {
    if (typeof type !== "string") return invalid(`${at}.type`, `\`${at}.type\` must be a string`);
    hosted.push(`tool:${type}`);
    return ok(null);
  }
  const definition = type === "legacy" ? entry : member(entry, type);
  const name = isObject(definition) ? member(definition, "name") : undefined;
  if (!isObject(definition) || typeof name !== "string" || name === "") {
    const where = type === "legacy" ? `${at}.name` : `${at}.${type}.name`;
    return invalid(where, `\`${where}\` must name the tool`);
  }
  if (name.length > maxNameLength) {
    return undescribable(`the name of a tool is longer than ${maxNameLength} characters`);
  }
  if (byName.has(name)) {
    return undescribable(`the tool ${quoted(name)} is offered twice, so that its calls would be ambiguous`);
  }
  byName.set(name, { kind: type, digest: () => toolDigest(definition, type) });
  return ok(null);
}
