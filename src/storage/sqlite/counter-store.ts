// Counters and reservations on SQLite.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type {
  Amount,
  Counter,
  CounterStore,
  Reservation,
  ReserveResult,
} from "../../usage/counter-store.ts";
import { amountOf, counterKey } from "./counter-rows.ts";
import { readCounter } from "./counter-tables.ts";
import { rowOf } from "./row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteCounterStore implements CounterStore {
  readonly #read: StatementSync;
  readonly #writes: WriteSide["counters"];

  constructor(reader: DatabaseSync, writes: WriteSide["counters"]) {
    this.#read = reader.prepare(readCounter);
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

  async read(at: number, counters: readonly Counter[]): Promise<readonly Amount[]> {
    return counters.map((counter) => amountOf(rowOf(this.#read.get(...counterKey(counter, at)))));
  }
}
