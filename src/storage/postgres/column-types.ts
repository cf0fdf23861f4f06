// How the values of columns arrive.

import { types } from "pg";

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
