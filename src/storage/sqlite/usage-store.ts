// The usage projection on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type {
  UsageDimension,
  UsageIncrement,
  UsageQuery,
  UsageRow,
  UsageStore,
} from "../../usage/usage-store.ts";
import { integer, rowOf, text } from "./row.ts";
import type { SqliteWriter } from "./writer.ts";

const dimensions: readonly UsageDimension[] = ["day", "application", "user", "model"];
const sums = [
  "calls",
  "refused",
  "input_tokens",
  "cached_input_tokens",
  "output_tokens",
  "estimated",
  "cost_micro_usd",
  "unpriced",
] as const;

// A provider may report any number. A total that would leave the safe integers stays at the largest one: an absurd report
// must neither stop the counting nor make the totals unreadable.
const most = Number.MAX_SAFE_INTEGER;

export class SqliteUsageStore implements UsageStore {
  readonly #database: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #writer: SqliteWriter;

  constructor(database: DatabaseSync, reader: DatabaseSync, writer: SqliteWriter) {
    this.#database = database;
    this.#reader = reader;
    this.#writer = writer;
  }

  async position(): Promise<number> {
    return integer(rowOf(this.#reader.prepare("SELECT position FROM usage_position").get()), "position");
  }

  advance(from: number, to: number, increments: readonly UsageIncrement[]): Promise<boolean> {
    return this.#writer.write(() => {
      const { changes } = this.#database
        .prepare("UPDATE usage_position SET position = ? WHERE position = ?")
        .run(to, from);
      if (changes !== 1) return false;
      const add = this.#database.prepare(
        `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET ${sums
          .map((name) => `${name} = min(${name} + excluded.${name}, ${most})`)
          .join(", ")}`,
      );
      for (const one of increments) {
        add.run(
          one.day,
          one.application,
          one.user,
          one.model,
          one.calls,
          one.refused,
          one.inputTokens,
          one.cachedInputTokens,
          one.outputTokens,
          one.estimated,
          one.costMicroUsd,
          one.unpriced,
        );
      }
      return true;
    });
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
    return rows.map((row) => ({
      day: text(row, "day"),
      application: text(row, "application"),
      user: text(row, "user"),
      model: text(row, "model"),
      calls: integer(row, "calls"),
      refused: integer(row, "refused"),
      inputTokens: integer(row, "input_tokens"),
      cachedInputTokens: integer(row, "cached_input_tokens"),
      outputTokens: integer(row, "output_tokens"),
      estimated: integer(row, "estimated"),
      costMicroUsd: integer(row, "cost_micro_usd"),
      unpriced: integer(row, "unpriced"),
    }));
  }

  reset(): Promise<void> {
    return this.#writer.write(() => {
      this.#database.exec("DELETE FROM usage; UPDATE usage_position SET position = 0");
    });
  }
}
