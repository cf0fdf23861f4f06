// One strict YAML document, which knows the line of each of its keys.

import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { fail, ok, type Result } from "../core/result.ts";
import { yamlFault } from "./yaml-faults.ts";
import { looseYaml } from "./yaml-strictness.ts";

export interface YamlDocument {
  /** Plain data, nested at most as deep as `looseYaml` allows. */
  readonly value: unknown;
  /** The line (from 1) of the last key or list entry on the path that is there; null for none. */
  lineOf(path: readonly PropertyKey[]): number | null;
}

export interface YamlFault {
  readonly line: number | null;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export function readYaml(text: string): Result<YamlDocument, readonly YamlFault[]> {
  const lines = new LineCounter();
  // The parser compares every two keys of a table, which takes minutes on a large one; `looseYaml` asks a set instead.
  const options = { lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: false } as const;
  const document = parseDocument(text, { ...options, schema: "core", logLevel: "error" });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    // Beyond its own depth the parser reports every level.
    const shown = errors.some(({ code }) => code === "RESOURCE_EXHAUSTION") ? errors.slice(0, 1) : errors;
    return fail(shown.map(({ code, pos }) => ({ line: lineAt(pos[0]), path: [], message: yamlFault(code) })));
  }
  const loose = looseYaml(document);
  if (loose.length > 0)
    return fail(loose.map(({ offset, path, message }) => ({ line: lineAt(offset), path, message })));
  const value: unknown = document.toJS();
  return ok({
    value,
    lineOf: (path) => {
      const offset = offsetOf(document, path);
      return offset === null ? null : lineAt(offset);
    },
  });
}

function offsetOf(document: Document, path: readonly PropertyKey[]): number | null {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? null) : null;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
