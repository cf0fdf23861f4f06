// Counters and reservations on PostgreSQL. Whatever tests a bound or moves a reservation is a SERIALIZABLE transaction that
// is tried again when another gateway came between.

import type { Amount, Counter, CounterStore, Reservation, ReserveResult } from "../../usage/counter-store.ts";
import { counted, counterKey, heldOfKey, holds, minus, plus } from "../rows/counter-arithmetic.ts";
import { amountOf, heldOf } from "../rows/counter-rows.ts";
import { CounterTables, readCounter, readReservation } from "./counter-tables.ts";
import type { PostgresReader } from "./reader.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresCounterStore implements CounterStore {
  readonly #reader: PostgresReader;
  readonly #writer: PostgresWriter;

  constructor(reader: PostgresReader, writer: PostgresWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  reserve(reservation: Reservation): Promise<ReserveResult> {
    const { call, at, counters, amount } = reservation;
    return this.#claim(async (tables) => {
      const before = await tables.held(call);
      const values: Amount[] = [];
      for (const counter of counters) {
        const key = counterKey(counter, at);
        const others = counted(minus(await tables.stand(key), heldOfKey(before, key)));
        values.push(counter.counts ? plus(others, amount) : others);
      }
      const reserved = counters.every(({ within }, place) => holds(within, values[place]));
      if (reserved) await tables.hold(reservation);
      return { reserved, values };
    });
  }

  settle(call: string, amount: Amount): Promise<boolean> {
    return this.#claim((tables) => tables.change(call, amount));
  }

  release(call: string): Promise<boolean> {
    return this.#claim((tables) => tables.drop(call));
  }

  releaseOfOthers(holders: readonly string[]): Promise<number> {
    return this.#claim((tables) => tables.dropOfOthers(holders));
  }

  async read(at: number, counters: readonly Counter[], without = ""): Promise<readonly Amount[]> {
    const [row] = await this.#reader.rows(readReservation, [without]);
    const held = row === undefined ? null : heldOf(row);
    const values: Amount[] = [];
    for (const counter of counters) {
      const key = counterKey(counter, at);
      const [stand] = await this.#reader.rows(readCounter, key);
      values.push(counted(minus(amountOf(stand ?? null), heldOfKey(held, key))));
    }
    return values;
  }

  #claim<Value>(work: (tables: CounterTables) => Promise<Value>): Promise<Value> {
    return this.#writer.write(jobKinds.claims, (transaction) => work(new CounterTables(transaction)));
  }
}
