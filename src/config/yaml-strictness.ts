// What YAML allows and a config under review must not hold: whatever makes the data something else than the text says.

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type YAMLMap } from "yaml";
import { quoted } from "./printable.ts";

export interface LooseYaml {
  readonly offset: number;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Deeper than any schema of tool arguments, and far from what recursion over it can bear. */
const maxDepth = 64;

/** Empty when the document is a plain tree of tables, lists and values. Costs time and stack in proportion to the text. */
export function looseYaml(document: Document): readonly LooseYaml[] {
  if (document.directives?.yaml.explicit === true) {
    // `%YAML 1.1` would turn `no` and `on` into booleans.
    return [{ offset: 0, path: [], message: "take away the `%YAML` line; this is read as YAML 1.2" }];
  }
  const found: LooseYaml[] = [];
  visit(document.contents, { path: [], offset: 0 }, found);
  return found;
}

interface Place {
  readonly path: readonly PropertyKey[];
  /** Of the key or entry: what a value is called by may stand lines above it. */
  readonly offset: number;
}

function visit(node: unknown, { path, offset }: Place, found: LooseYaml[]): void {
  if (!isNode(node)) return;
  const refuse = (message: string, at = path): void => void found.push({ offset, path: at, message });
  if (isAlias(node) || node.anchor !== undefined) {
    return refuse("anchors (`&name`) and aliases (`*name`) are not used here; write the value out");
  }
  if (node.tag !== undefined) return refuse("tags (`!name`) are not used here; take it away");
  if (path.length > maxDepth) return refuse(`the nesting is deeper than ${maxDepth}`, []);
  if (isScalar(node) && typeof node.value === "string" && !isPlainText(node.value)) {
    return refuse("this text holds a NUL or half a character; take away its escape");
  }
  if (isMap(node)) visitMap(node, path, found);
  if (!isSeq(node)) return;
  for (const [at, item] of node.items.entries()) {
    visit(item, { path: [...path, at], offset: startOf(item) ?? offset }, found);
  }
}

function visitMap(map: YAMLMap, path: readonly PropertyKey[], found: LooseYaml[]): void {
  const names = new Set<string>();
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? String(key.value) : "";
    const place = { path: [...path, name], offset: startOf(key) ?? 0 };
    visit(key, place, found);
    const message = keyFault(name, names);
    if (message !== null) found.push({ ...place, message });
    names.add(name);
    visit(value, place, found);
  }
}

function keyFault(name: string, before: ReadonlySet<string>): string | null {
  if (before.has(name)) return `the key ${quoted(name)} stands twice; keep one of them`;
  if (name === "<<") return "merge keys (`<<`) are not used here; write the keys out";
  // Assigning it to an object would change what the object is, and libraries leave it out without a word.
  if (name === "__proto__") return "`__proto__` cannot be a name here; choose another";
  return null;
}

function startOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}

function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}
