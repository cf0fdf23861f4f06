// The usage projection on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { CountedCall } from "../../usage/counter-store.ts";
import type {
  UsageDimension,
  UsageIncrement,
  UsageQuery,
  UsageRow,
  UsageStore,
} from "../../usage/usage-store.ts";
import { integer, rowOf } from "../rows/row.ts";
import { most, sums, usageOf } from "../rows/usage-rows.ts";
import type { WriteSide } from "./write-side.ts";

const dimensions: readonly UsageDimension[] = ["day", "application", "user", "model"];

export class SqliteUsageStore implements UsageStore {
  readonly #reader: DatabaseSync;
  readonly #writes: WriteSide["usage"];

  constructor(reader: DatabaseSync, writes: WriteSide["usage"]) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async position(): Promise<number> {
    return integer(rowOf(this.#reader.prepare("SELECT position FROM usage_position").get()), "position");
  }

  advance(
    from: number,
    to: number,
    increments: readonly UsageIncrement[],
    calls: readonly CountedCall[] = [],
  ): Promise<boolean> {
    return this.#writes.advance(from, to, increments, calls);
  }

  async query(query: UsageQuery): Promise<readonly UsageRow[]> {
    const by = dimensions.filter((dimension) => query.by.includes(dimension));
    const columns = [
      ...dimensions.map((dimension) => (by.includes(dimension) ? dimension : `'' AS ${dimension}`)),
      // total() adds as doubles, exact as far as `most`; sum() would fail beyond 64 bits.
      ...sums.map((name) => `CAST(min(total(${name}), ${most}) AS INTEGER) AS ${name}`),
    ];
    const grouping =
      by.length === 0 ? "HAVING count(*) > 0" : `GROUP BY ${by.join(", ")} ORDER BY ${by.join(", ")}`;
    const rows = this.#reader
      .prepare(`SELECT ${columns.join(", ")} FROM usage WHERE day >= ? AND day <= ? ${grouping}`)
      .all(query.from ?? "", query.to ?? "9999-12-31");
    return rows.map((row) => usageOf(row, "user"));
  }

  reset(): Promise<void> {
    return this.#writes.reset();
  }
}
