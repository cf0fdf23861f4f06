// A JSON document as a table: every value that holds no others, with the path that leads to it. All of the document is in it.

import { parseStrictJsonText } from "../core/strict-json.ts";
import { deceptions, visibleText } from "./visible-text.ts";

export interface ArgumentRow {
  /** `to[0].name`; a key that is no plain word as `["key"]`, empty for the whole. */
  readonly path: string;
  readonly type: "string" | "number" | "boolean" | "null" | "object" | "array" | "text";
  /** Numbers as they were written; `{}` and `[]` are objects and arrays that hold nothing. */
  readonly value: string;
  readonly notes: readonly string[];
}

/** More than any document that policy can be asked about. */
const maxDepth = 64;
/** A table that is longer helps nobody, and keys over many values can make one that is far longer than the document. */
const maxRows = 20_000;
const maxPathCharacters = 4_000_000;

/** Null when it is no JSON that everybody reads alike, or too much for a table: then the text alone says what it is. */
export function jsonRows(text: string): readonly ArgumentRow[] | null {
  if (!parseStrictJsonText(text, maxDepth).ok) return null;
  const table = new Table();
  collect(table, "", readKeepingNumbers(text));
  return table.isFull
    ? null
    : table.rows.map(({ notes, path, ...row }) => ({ ...row, path, notes: [...notes, ...deceptions(path)] }));
}

class Table {
  readonly rows: ArgumentRow[] = [];
  #pathCharacters = 0;

  get isFull(): boolean {
    return this.rows.length > maxRows || this.#pathCharacters > maxPathCharacters;
  }

  add(path: string, type: ArgumentRow["type"], value: string, notes: readonly string[] = []): void {
    this.#pathCharacters += path.length;
    if (this.rows.length <= maxRows) this.rows.push({ path, type, value, notes });
  }
}

export function textRow(text: string): ArgumentRow {
  return { path: "", type: "text", value: visibleText(text, true), notes: deceptions(text) };
}

/** A number as the document writes it: a double may be another. */
class WrittenNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function readKeepingNumbers(text: string): unknown {
  const keep = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === "number" ? new WrittenNumber(context?.source ?? String(value)) : value;
  return JSON.parse(text, keep);
}

function collect(table: Table, path: string, value: unknown): void {
  if (table.isFull) return;
  if (Array.isArray(value)) {
    if (value.length === 0) table.add(path, "array", "[]");
    for (const [at, item] of value.entries()) collect(table, `${path}[${at}]`, item);
  } else if (value instanceof WrittenNumber) {
    table.add(path, "number", value.text);
  } else if (typeof value === "object" && value !== null) {
    const members = Object.entries(value);
    if (members.length === 0) table.add(path, "object", "{}");
    for (const [key, item] of members) collect(table, memberPath(path, key), item);
  } else if (typeof value === "string") {
    table.add(path, "string", visibleText(value, true), deceptions(value));
  } else {
    table.add(path, value === null ? "null" : "boolean", String(value));
  }
}

function memberPath(path: string, key: string): string {
  const isPlain = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(key) && visibleText(key) === key;
  if (!isPlain) return `${path}[${visibleText(JSON.stringify(key))}]`;
  return path === "" ? key : `${path}.${key}`;
}

export interface ChangedValue {
  readonly path: string;
  /** As a row would show it; null where it is not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/** What an edit changed. */
export function changedValues(
  before: readonly ArgumentRow[],
  after: readonly ArgumentRow[],
): readonly ChangedValue[] {
  const [old, now] = [byPath(before), byPath(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((path) => ({ path, before: old.get(path) ?? null, after: now.get(path) ?? null }))
    .filter((one) => one.before !== one.after);
}

function byPath(rows: readonly ArgumentRow[]): ReadonlyMap<string, string> {
  return new Map(rows.map(({ path, type, value }) => [path, type === "string" ? `"${value}"` : value]));
}
