// Growing the usage projection.

import type { StatementSync } from "node:sqlite";
import type { CountedCall } from "../../usage/counter-store.ts";
import type { UsageIncrement, UsageStore } from "../../usage/usage-store.ts";
import { most, sums, usageValues } from "../rows/usage-rows.ts";
import type { CounterTables } from "./counter-tables.ts";
import type { Writing } from "./writing.ts";

export class UsageWrites implements Pick<UsageStore, "advance" | "reset"> {
  readonly #writing: Writing;
  readonly #counters: CounterTables;
  readonly #move: StatementSync;
  readonly #add: StatementSync;

  constructor(writing: Writing, counters: CounterTables) {
    this.#writing = writing;
    this.#counters = counters;
    this.#move = writing.database.prepare("UPDATE usage_position SET position = ? WHERE position = ?");
    this.#add = writing.database.prepare(
      `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET ${sums
        .map((name) => `${name} = min(${name} + excluded.${name}, ${most})`)
        .join(", ")}`,
    );
  }

  advance(
    from: number,
    to: number,
    increments: readonly UsageIncrement[],
    calls: readonly CountedCall[] = [],
  ): Promise<boolean> {
    return this.#writing.writer.write(() => {
      const { changes } = this.#move.run(to, from);
      if (changes !== 1) return false;
      for (const one of increments) this.#add.run(...usageValues(one));
      this.#counters.count(calls);
      return true;
    });
  }

  reset(): Promise<void> {
    return this.#writing.writer.write(() => {
      this.#writing.database.exec("DELETE FROM usage; UPDATE usage_position SET position = 0");
      this.#counters.reset();
    });
  }
}
