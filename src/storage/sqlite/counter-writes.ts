// Reserving, settling and releasing what calls may use.

import type { Amount, CounterStore, Reservation, ReserveResult } from "../../usage/counter-store.ts";
import { counted, counterKey, heldOfKey, holds, minus, plus } from "../rows/counter-arithmetic.ts";
import type { CounterTables } from "./counter-tables.ts";
import type { Writing } from "./writing.ts";

export class CounterWrites
  implements Pick<CounterStore, "reserve" | "settle" | "release" | "releaseOfOthers">
{
  readonly #writing: Writing;
  readonly #tables: CounterTables;

  constructor(writing: Writing, tables: CounterTables) {
    this.#writing = writing;
    this.#tables = tables;
  }

  reserve(reservation: Reservation): Promise<ReserveResult> {
    return this.#writing.writer.write(() => {
      const before = this.#tables.held(reservation.call);
      const values = reservation.counters.map((counter) => {
        const key = counterKey(counter, reservation.at);
        const others = counted(minus(this.#tables.stand(key), heldOfKey(before, key)));
        return counter.counts ? plus(others, reservation.amount) : others;
      });
      const reserved = reservation.counters.every(({ within }, at) => holds(within, values[at]));
      if (reserved) this.#tables.hold(reservation);
      return { reserved, values };
    });
  }

  settle(call: string, amount: Amount): Promise<boolean> {
    return this.#writing.writer.write(() => this.#tables.change(call, amount));
  }

  release(call: string): Promise<boolean> {
    return this.#writing.writer.write(() => this.#tables.drop(call));
  }

  releaseOfOthers(holders: readonly string[]): Promise<number> {
    return this.#writing.writer.write(() => this.#tables.dropOfOthers(holders));
  }
}
