// Rows of the counters and of what calls hold of them.

import type { Amount, Counter } from "../../usage/counter-store.ts";
import { type Held, nothing } from "./counter-arithmetic.ts";
import { integer, type Row, text } from "./row.ts";

export function amountOf(row: Row | null): Amount {
  if (row === null) return nothing;
  return {
    requests: integer(row, "requests"),
    tokens: integer(row, "tokens"),
    microUsd: integer(row, "micro_usd"),
    unpriced: integer(row, "unpriced"),
  };
}

export function heldOf(row: Row): Held {
  const counters: readonly Counter[] = JSON.parse(text(row, "counters"));
  return { at: integer(row, "at"), counters, amount: amountOf(row) };
}
