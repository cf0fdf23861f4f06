// The tables of counters and reservations, inside whatever transaction is open: counting off the log and reserving work
// on the same rows.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { calendarWindows, previousWindowStart } from "../../core/calendar-window.ts";
import type { Amount, CountedCall, Reservation } from "../../usage/counter-store.ts";
import {
  amountColumns,
  type CounterKey,
  counterKey,
  type Held,
  heldCounters,
  keysOf,
  minus,
  nothing,
  plus,
  valuesOf,
} from "../rows/counter-arithmetic.ts";
import { amountOf, heldOf } from "../rows/counter-rows.ts";
import { rowOf } from "../rows/row.ts";
import { most } from "../rows/usage-rows.ts";

const grow = amountColumns
  .map((name, at) => `${name} = max(0, min(${name} + ?${at + 5}, ${most}))`)
  .join(", ");

export const readReservation = "SELECT * FROM reservations WHERE call = ?";

export const readCounter =
  "SELECT requests, tokens, micro_usd, unpriced FROM counters WHERE window = ? AND start = ? AND kind = ? AND name = ?";

export class CounterTables {
  readonly #read: StatementSync;
  readonly #add: StatementSync;
  readonly #adjust: StatementSync;
  readonly #hold: StatementSync;
  readonly #held: StatementSync;
  readonly #drop: StatementSync;
  readonly #all: StatementSync;
  readonly #anyHeld: StatementSync;
  readonly #forgetAll: StatementSync;
  readonly #forget: StatementSync;

  constructor(database: DatabaseSync) {
    this.#read = database.prepare(readCounter);
    this.#add = database.prepare(
      `INSERT INTO counters VALUES (?1, ?2, ?3, ?4, max(0, ?5), max(0, ?6), max(0, ?7), max(0, ?8)) ON CONFLICT DO UPDATE SET ${grow}`,
    );
    this.#adjust = database.prepare(
      `UPDATE counters SET ${grow} WHERE window = ?1 AND start = ?2 AND kind = ?3 AND name = ?4`,
    );
    this.#hold = database.prepare("INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#held = database.prepare(readReservation);
    this.#drop = database.prepare("DELETE FROM reservations WHERE call = ?");
    this.#all = database.prepare("SELECT * FROM reservations");
    this.#anyHeld = database.prepare("SELECT call FROM reservations LIMIT 1");
    this.#forgetAll = database.prepare("DELETE FROM counters");
    this.#forget = database.prepare("DELETE FROM counters WHERE window = ? AND start < ?");
  }

  stand(key: CounterKey): Amount {
    return amountOf(rowOf(this.#read.get(...key)));
  }

  held(call: string): Held | null {
    const row = this.#held.get(call);
    return row === undefined ? null : heldOf(row);
  }

  /** In place of what the call holds. */
  hold({ call, holder, at, counters, amount }: Reservation): void {
    this.drop(call);
    const counting = counters.filter(({ counts }) => counts);
    for (const counter of counting) this.#add.run(...counterKey(counter, at), ...valuesOf(amount));
    this.#hold.run(call, holder, at, heldCounters(counting), ...valuesOf(amount));
  }

  /** The reservation stays, with another amount. False when there is none. */
  change(call: string, amount: Amount): boolean {
    const row = this.#held.get(call);
    if (row === undefined) return false;
    const held = heldOf(row);
    this.#shift(held, minus(amount, held.amount));
    this.#hold.run(call, String(row["holder"]), held.at, heldCounters(held.counters), ...valuesOf(amount));
    return true;
  }

  /** False when the call holds nothing. */
  drop(call: string): boolean {
    const held = this.held(call);
    if (held === null) return false;
    this.#shift(held, minus(nothing, held.amount));
    this.#drop.run(call);
    return true;
  }

  dropOfOthers(holders: readonly string[]): number {
    const others = this.#all.all().filter((row) => !holders.includes(String(row["holder"])));
    for (const row of others) this.drop(String(row["call"]));
    return others.length;
  }

  /** Calls whose end is on the log: counted for good, in the windows in which they were reserved. */
  count(calls: readonly CountedCall[]): void {
    if (calls.length === 0) return;
    const newest = calls.reduce((latest, { at }) => Math.max(latest, at), 0);
    const anyHeld = this.#anyHeld.get() !== undefined;
    const added = new Map<string, { readonly key: CounterKey; amount: Amount }>();
    for (const call of calls) {
      const held = anyHeld ? this.held(call.call) : null;
      if (held !== null) this.drop(call.call);
      const at = held?.at ?? call.at;
      const amount = held !== null && call.unknown ? held.amount : call.amount;
      for (const key of keysOf(call, at, newest)) {
        const name = JSON.stringify(key);
        added.set(name, { key, amount: plus(added.get(name)?.amount ?? nothing, amount) });
      }
    }
    for (const { key, amount } of added.values()) this.#add.run(...key, ...valuesOf(amount));
    for (const window of calendarWindows) this.#forget.run(window, previousWindowStart(window, newest));
  }

  /** Nothing is counted any more but what calls hold. */
  reset(): void {
    this.#forgetAll.run();
    for (const row of this.#all.all()) {
      const { at, counters, amount } = heldOf(row);
      for (const counter of counters) this.#add.run(...counterKey(counter, at), ...valuesOf(amount));
    }
  }

  /** A row that is gone belongs to a window that is over. */
  #shift({ at, counters }: Held, by: Amount): void {
    for (const counter of counters) this.#adjust.run(...counterKey(counter, at), ...valuesOf(by));
  }
}
