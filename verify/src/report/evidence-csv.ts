// Rows of evidence as CSV (RFC 4180), for a spreadsheet.

import type { EvidenceRow } from "./evidence-row.ts";

const columns = [
  "entry",
  "time",
  "kind",
  "call",
  "approval",
  "application",
  "who",
  "what",
  "outcome",
  "basis",
] as const satisfies readonly (keyof EvidenceRow)[];

/** With its line end; so is a row. */
export const csvHeader = `${columns.join(",")}\r\n`;

export function csvRow(row: EvidenceRow): string {
  return `${columns.map((column) => cell(String(row[column]))).join(",")}\r\n`;
}

/**
 * A spreadsheet takes what begins like this for a formula, and names of models and tools come from outside
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
const formula = /^[=+\-@\t\r]/;

function cell(text: string): string {
  const plain = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
