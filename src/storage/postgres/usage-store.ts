// The usage projection on PostgreSQL.

import type { CountedCall } from "../../usage/counter-store.ts";
import type {
  UsageDimension,
  UsageIncrement,
  UsageQuery,
  UsageRow,
  UsageStore,
} from "../../usage/usage-store.ts";
import { integer } from "../rows/row.ts";
import { most, sums, usageOf, usageValues } from "../rows/usage-rows.ts";
import { CounterTables } from "./counter-tables.ts";
import type { PostgresReader } from "./reader.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

/** By the columns that they are kept in. */
const dimensions: readonly (readonly [UsageDimension, string])[] = [
  ["day", "day"],
  ["application", "application"],
  ["user", "user_id"],
  ["model", "model"],
];
export class PostgresUsageStore implements UsageStore {
  readonly #reader: PostgresReader;
  readonly #writer: PostgresWriter;

  constructor(reader: PostgresReader, writer: PostgresWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async position(): Promise<number> {
    const [row] = await this.#reader.rows("SELECT position FROM usage_position");
    return integer(row ?? null, "position");
  }

  advance(
    from: number,
    to: number,
    increments: readonly UsageIncrement[],
    calls: readonly CountedCall[] = [],
  ): Promise<boolean> {
    return this.#writer.write(jobKinds.claims, async (transaction) => {
      const moved = await transaction.change("UPDATE usage_position SET position = $1 WHERE position = $2", [
        to,
        from,
      ]);
      if (moved !== 1) return false;
      await Promise.all(increments.map((one) => transaction.change(addSql, usageValues(one), "add usage")));
      await new CounterTables(transaction).count(calls);
      return true;
    });
  }

  async query(query: UsageQuery): Promise<readonly UsageRow[]> {
    const by = dimensions.filter(([dimension]) => query.by.includes(dimension)).map(([, column]) => column);
    const columns = [
      ...dimensions.map(([, column]) => (by.includes(column) ? column : `'' AS ${column}`)),
      ...sums.map((name) => `least(sum(${name}), ${most})::bigint AS ${name}`),
    ];
    const order = by.map((column) => `${column} COLLATE "C"`).join(", ");
    const grouping = by.length === 0 ? "HAVING count(*) > 0" : `GROUP BY ${by.join(", ")} ORDER BY ${order}`;
    const rows = await this.#reader.rows(
      `SELECT ${columns.join(", ")} FROM usage
       WHERE day COLLATE "C" >= $1 AND day COLLATE "C" <= $2 ${grouping}`,
      [query.from ?? "", query.to ?? "9999-12-31"],
    );
    return rows.map((row) => usageOf(row, "user_id"));
  }

  reset(): Promise<void> {
    return this.#writer.write(jobKinds.claims, async (transaction) => {
      await transaction.change("DELETE FROM usage");
      await transaction.change("UPDATE usage_position SET position = 0");
      await new CounterTables(transaction).reset();
    });
  }
}

const addSql = `INSERT INTO usage VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
  ON CONFLICT (day, application, user_id, model) DO UPDATE SET ${sums
    .map((name) => `${name} = least(usage.${name} + excluded.${name}, ${most})`)
    .join(", ")}`;
