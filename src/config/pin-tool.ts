// Writing one entry of the catalog into the text of a config. Only what changes is spliced: the file is people's own, and every
// comment and every line that is not about this stays as it is.

import { isDeepStrictEqual } from "node:util";
import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from "yaml";
import { fail, ok, type Result } from "../core/result.ts";
import { readYaml } from "./yaml-document.ts";

/** What an entry says from now on; what else it says stays. */
export interface PinnedTool {
  readonly effect: "read" | "write";
  readonly digest: string;
  readonly parameters?: unknown;
}

type Data = Readonly<Record<string, unknown>>;

/** `text` is a config that loads. A failure is text for people. */
export function pinTool(text: string, name: string, tool: PinnedTool): Result<string, string> {
  // As JSON writes it: the zero below zero is none that a file can hold.
  const pinned = record(JSON.parse(JSON.stringify(tool)));
  const alone = readYaml(stringify({ [name]: pinned }, { lineWidth: 0 }));
  if (!alone.ok) return fail(`no config can hold it: ${alone.failure[0]?.message ?? "it cannot be read"}`);
  const before = dataOf(text);
  const tools = member(before, "tools");
  const known = member(tools, name);
  const changed = Object.hasOwn(tools, name)
    ? Object.entries(pinned).reduce(
        (current: string | null, [key, value]) =>
          current === null || isDeepStrictEqual(known[key], value)
            ? current
            : withMember(current, ["tools", name, key], value),
        text,
      )
    : withMember(text, ["tools", name], pinned);
  // INVARIANT: the new text says what the old one said and this, or it is not written.
  const expected = { ...before, tools: { ...tools, [name]: { ...known, ...pinned } } };
  if (changed !== null && isDeepStrictEqual(dataOf(changed), expected)) return ok(changed);
  const entry = stringify({ [name]: pinned }, { lineWidth: 0 });
  return fail(`the file is written in a way that this cannot change; write under \`tools:\`\n\n${entry}`);
}

/** Null where the path leads through something else than tables. */
function withMember(text: string, path: readonly string[], value: unknown): string | null {
  const options = { schema: "core", stringKeys: true, uniqueKeys: false } as const;
  let map: unknown = parseDocument(text, options).contents;
  for (const [at, step] of path.slice(0, -1).entries()) {
    if (!isMap(map)) return null;
    const next: unknown = pairOf(map, step)?.value;
    // Where nothing is there yet, all that is behind it is written at once.
    if (!isMap(next)) return setMember(text, map, step, nested(path.slice(at + 1), value), at === 0);
    map = next;
  }
  const key = path.at(-1);
  return isMap(map) && key !== undefined ? setMember(text, map, key, value, false) : null;
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner: unknown, step) => ({ [step]: inner }), value);
}

function setMember(text: string, map: YAMLMap, key: string, value: unknown, apart: boolean): string {
  const pair = pairOf(map, key);
  const last = map.items.at(-1);
  if (map.flow === true) {
    const written = `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    if (pair !== null) return spliced(text, startOf(pair), endOf(text, pair), written);
    if (last === undefined) return spliced(text, offset(map, 0) + 1, offset(map, 0) + 1, ` ${written} `);
    return spliced(text, endOf(text, last), endOf(text, last), `, ${written}`);
  }
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  const [first = last] = map.items;
  const column = first === undefined ? 0 : startOf(first) - (text.lastIndexOf("\n", startOf(first) - 1) + 1);
  const written = stringify({ [key]: value }, { lineWidth: 0 })
    .trimEnd()
    .split("\n")
    .map((line, at) => (at === 0 || line === "" ? line : " ".repeat(column) + line))
    .join(lineEnd);
  if (pair !== null) return spliced(text, startOf(pair), endOf(text, pair), written);
  // The digest belongs beside what it vouches for.
  const before = (key === "digest" ? pairOf(map, "effect") : null) ?? last;
  const at = before === undefined ? text.length : endOfLine(text, endOf(text, before));
  return spliced(text, at, at, `${lineEnd}${apart ? lineEnd : ""}${" ".repeat(column)}${written}`);
}

function spliced(text: string, start: number, end: number, written: string): string {
  return text.slice(0, start) + written + text.slice(end);
}

function endOfLine(text: string, from: number): number {
  const index = text.slice(from).search(/\r?\n|$/);
  return from + Math.max(0, index);
}

function startOf({ key }: Pair): number {
  return offset(key, 0);
}

/** Behind the last thing that the pair says; comments after it are not its own. */
function endOf(text: string, { key, value }: Pair): number {
  return isNode(value) ? endOfNode(text, value) : offset(key, 1);
}

function endOfNode(text: string, node: unknown): number {
  if (isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1);
    if (isPair(last)) return endOf(text, last);
    if (last !== undefined) return endOfNode(text, last);
  }
  // A block of text ends with its line.
  return text.slice(0, offset(node, 1)).trimEnd().length;
}

function offset(node: unknown, at: 0 | 1): number {
  return isNode(node) ? (node.range?.[at] ?? 0) : 0;
}

function pairOf(map: YAMLMap, name: string): Pair | null {
  return map.items.find(({ key }) => isScalar(key) && key.value === name) ?? null;
}

function dataOf(text: string): Data {
  const read = readYaml(text);
  return read.ok ? record(read.value.value) : {};
}

function member(data: Data, name: string): Data {
  return record(Object.hasOwn(data, name) ? data[name] : undefined);
}

function record(value: unknown): Data {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
