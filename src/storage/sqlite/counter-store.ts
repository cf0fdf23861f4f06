// Counters and reservations on SQLite.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Amount, Counter, CounterStore, Reservation, ReserveResult } from "../../usage/counter-store.ts";
import { counted, counterKey, heldOfKey, minus } from "../rows/counter-arithmetic.ts";
import { amountOf, heldOf } from "../rows/counter-rows.ts";
import { rowOf } from "../rows/row.ts";
import { readCounter, readReservation } from "./counter-tables.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteCounterStore implements CounterStore {
  readonly #read: StatementSync;
  readonly #held: StatementSync;
  readonly #writes: WriteSide["counters"];

  constructor(reader: DatabaseSync, writes: WriteSide["counters"]) {
    this.#read = reader.prepare(readCounter);
    this.#held = reader.prepare(readReservation);
    this.#writes = writes;
  }

  reserve(reservation: Reservation): Promise<ReserveResult> {
    return this.#writes.reserve(reservation);
  }

  settle(call: string, amount: Amount): Promise<boolean> {
    return this.#writes.settle(call, amount);
  }

  release(call: string): Promise<boolean> {
    return this.#writes.release(call);
  }

  releaseOfOthers(holders: readonly string[]): Promise<number> {
    return this.#writes.releaseOfOthers(holders);
  }

  async read(at: number, counters: readonly Counter[], without = ""): Promise<readonly Amount[]> {
    const row = this.#held.get(without);
    const held = row === undefined ? null : heldOf(row);
    return counters.map((counter) => {
      const key = counterKey(counter, at);
      return counted(minus(amountOf(rowOf(this.#read.get(...key))), heldOfKey(held, key)));
    });
  }
}
