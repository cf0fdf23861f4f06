// Reading columns with their types. A column of another type is a damaged database, and throws.

import { types } from "pg";

export type Row = Readonly<Record<string, unknown>>;

const int8 = 20;

/** 64-bit integers as numbers where those are exact; where not they stay text, which `integer` refuses. */
export const columnTypes = {
  getTypeParser: (oid: number, format?: "text" | "binary"): ((value: string) => unknown) =>
    oid === int8 ? exactInteger : types.getTypeParser(oid, format === "binary" ? "text" : format),
};

function exactInteger(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

export function text(row: Row | null, column: string): string {
  const value = row?.[column];
  if (typeof value !== "string") throw new TypeError(`column ${column} is not text`);
  return value;
}

export function integer(row: Row | null, column: string): number {
  const value = row?.[column];
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw new TypeError(`column ${column} is not an integer`);
  return value;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

export function blob(row: Row | null, column: string): Uint8Array {
  const value = row?.[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} is not bytes`);
  return value;
}
