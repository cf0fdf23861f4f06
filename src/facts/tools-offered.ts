// The tools a request offers to the model: their names and kinds, and the digests of their definitions when asked for.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import { foldedMember } from "./folded-member.ts";
import { isAbsent, isObject, isStructured, type JsonObject, member } from "./json-shape.ts";
import { quoted } from "./quoted.ts";
import { invalid, undescribable } from "./request-refusal.ts";
import type { DefinitionList, ToolDefinitions } from "./tool-definitions.ts";
import { toolDigest } from "./tool-digest.ts";

export interface OfferedTool {
  readonly kind: "function" | "custom" | "legacy";
  /** See tool-digest.ts. Worked out when asked for: only a tool that is called needs it. */
  readonly digest: () => string;
  /**
   * The JSON Schema of its arguments, read again when asked for; undefined when it states none, as a custom tool. Null of a
   * definition that only its digest is known of.
   */
  readonly parameters: (() => unknown) | null;
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

const entryMembers: ReadonlySet<string> = new Set(["cache_control", "custom", "function", "type"]);
const definitionMembers: ReadonlySet<string> = new Set([
  "description",
  "format",
  "name",
  "parameters",
  "strict",
]);

interface Gathered {
  readonly byName: Map<string, OfferedTool>;
  readonly hosted: string[];
  readonly definitions: ToolDefinitions;
}

export function offeredTools(body: JsonObject, definitions: ToolDefinitions): Result<OfferedTools, Refusal> {
  const tools = member(body, "tools");
  const functions = member(body, "functions");
  if (isAbsent(tools) && isAbsent(functions)) return ok(noTools);
  const gathered: Gathered = { byName: new Map(), hosted: [], definitions };
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

function addTools(gathered: Gathered, param: DefinitionList, list: unknown): Result<null, Refusal> {
  if (isAbsent(list)) return ok(null);
  if (!Array.isArray(list)) return invalid(param, `\`${param}\` must be an array`);
  if (list.length > maxTools) return undescribable(`it offers more than ${maxTools} tools`);
  for (const [position, entry] of list.entries()) {
    const added = addTool(gathered, param, entry, position);
    if (!added.ok) return added;
  }
  return gathered.byName.size > maxTools ? undescribable(`it offers more than ${maxTools} tools`) : ok(null);
}

function addTool(
  gathered: Gathered,
  param: DefinitionList,
  entry: unknown,
  position: number,
): Result<null, Refusal> {
  const at = `${param}.${position}`;
  if (!isObject(entry)) return invalid(at, `\`${at}\` must be an object`);
  const isLegacy = param === "functions";
  const folded = isLegacy ? null : foldedMember(entry, entryMembers, at);
  if (folded !== null) return folded;
  const type = isLegacy ? "legacy" : typeOf(entry);
  if (type !== "legacy" && type !== "function" && type !== "custom") {
    if (typeof type !== "string") return invalid(`${at}.type`, `\`${at}.type\` must be a string`);
    gathered.hosted.push(`tool:${type}`);
    return ok(null);
  }
  const where = isLegacy ? at : `${at}.${type}`;
  return addDefined(gathered, type, isLegacy ? entry : member(entry, type), where, (key) =>
    gathered.definitions.at(param, position, key),
  );
}

/** Some clients leave the type of a function out, which is clear as long as nothing else stands beside it. */
function typeOf(entry: JsonObject): unknown {
  const type = member(entry, "type");
  if (!isAbsent(type) || !isObject(member(entry, "function"))) return type;
  const isClear = Object.keys(entry).every((key) => key === "function" || !isStructured(entry[key]));
  return isClear ? "function" : type;
}

function addDefined(
  { byName }: Gathered,
  kind: OfferedTool["kind"],
  definition: unknown,
  where: string,
  again: (key: "function" | "custom" | null) => JsonObject,
): Result<null, Refusal> {
  const name = isObject(definition) ? member(definition, "name") : undefined;
  if (!isObject(definition) || typeof name !== "string" || name === "") {
    return invalid(`${where}.name`, `\`${where}.name\` must name the tool`);
  }
  const folded = foldedMember(definition, definitionMembers, where);
  if (folded !== null) return folded;
  if (name.length > maxNameLength) {
    return undescribable(`the name of a tool is longer than ${maxNameLength} characters`);
  }
  if (byName.has(name)) {
    return undescribable(`the tool ${quoted(name)} is offered twice, so that its calls would be ambiguous`);
  }
  const definedAgain = () => again(kind === "legacy" ? null : kind);
  byName.set(name, {
    kind,
    digest: () => toolDigest(definedAgain(), kind),
    parameters: () => (kind === "custom" ? undefined : member(definedAgain(), "parameters")),
  });
  return ok(null);
}
