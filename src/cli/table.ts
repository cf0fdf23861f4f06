// Tables and amounts for a terminal: aligned, and in colour only there.

import { printable, styled } from "portcullis-verify/report/terminal-text.ts";

export interface Column<Item> {
  readonly title: string;
  readonly cell: (item: Item) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  readonly style?: (text: string) => string;
}

export function table<Item>(items: readonly Item[], columns: readonly Column<Item>[]): string {
  const rows = items.map((item) => columns.map((column) => printable(column.cell(item))));
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[], heading: boolean): string =>
    columns
      .map((column, at) => {
        const text = cells[at] ?? "";
        const last = at === columns.length - 1;
        const padding = " ".repeat(Math.max(0, (widths[at] ?? 0) - text.length));
        const shown = heading ? styled("bold", text) : (column.style?.(text) ?? text);
        if (column.right === true) return padding + shown;
        return last ? shown : shown + padding;
      })
      .join("  ")
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  return [line(titles, true), ...rows.map((row) => line(row, false))].join("\n");
}

const good: ReadonlySet<string> = new Set(["permit", "ok", "approve", "approved", "released"]);
const waiting: ReadonlySet<string> = new Set(["hold", "held", "withheld", "partial", "pending"]);

/** A decision or outcome in its colour. */
export function styledDecision(text: string): string {
  if (good.has(text)) return styled("green", text);
  if (waiting.has(text)) return styled("yellow", text);
  return text === "" ? text : styled("red", text);
}

/** Millionths as US dollars, exact: with as many decimals for all of them as one needs, at least two. */
export function dollars(amounts: readonly number[]): (microUsd: number) => string {
  const decimals = Math.max(2, ...amounts.map((amount) => fraction(amount).replace(/0+$/, "").length));
  return (microUsd) => `$${Math.floor(microUsd / 1_000_000)}.${fraction(microUsd).slice(0, decimals)}`;
}

function fraction(microUsd: number): string {
  return String(microUsd % 1_000_000).padStart(6, "0");
}
