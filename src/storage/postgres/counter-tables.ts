// The tables of counters and reservations, inside whatever transaction is open: counting off the log and reserving work
// on the same rows.

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
import { text } from "../rows/row.ts";
import type { WriteTransaction } from "./write-transaction.ts";

const most = Number.MAX_SAFE_INTEGER;
const grow = amountColumns
  .map((name, at) => `${name} = greatest(0, least(counters.${name} + $${at + 5}::bigint, ${most}))`)
  .join(", ");
const addSql = `INSERT INTO counters
  VALUES ($1, $2, $3, $4, greatest(0, $5::bigint), greatest(0, $6::bigint), greatest(0, $7::bigint), greatest(0, $8::bigint))
  ON CONFLICT (window_kind, start, kind, name) DO UPDATE SET ${grow}`;
const adjustSql = `UPDATE counters SET ${grow} WHERE window_kind = $1 AND start = $2 AND kind = $3 AND name = $4`;
const holdSql = `INSERT INTO reservations VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (call) DO UPDATE SET holder = excluded.holder, at = excluded.at, counters = excluded.counters,
    ${amountColumns.map((name) => `${name} = excluded.${name}`).join(", ")}`;

export const readReservation = "SELECT * FROM reservations WHERE call = $1";

export const readCounter =
  "SELECT requests, tokens, micro_usd, unpriced FROM counters WHERE window_kind = $1 AND start = $2 AND kind = $3 AND name = $4";

export class CounterTables {
  readonly #transaction: WriteTransaction;

  constructor(transaction: WriteTransaction) {
    this.#transaction = transaction;
  }

  async stand(key: CounterKey): Promise<Amount> {
    const [row] = await this.#transaction.rows(readCounter, key);
    return amountOf(row ?? null);
  }

  async held(call: string): Promise<Held | null> {
    const [row] = await this.#transaction.rows(readReservation, [call]);
    return row === undefined ? null : heldOf(row);
  }

  /** In place of what the call holds. */
  async hold({ call, holder, at, counters, amount }: Reservation): Promise<void> {
    await this.drop(call);
    const counting = counters.filter(({ counts }) => counts);
    for (const counter of counting) await this.#add(counterKey(counter, at), amount);
    await this.#keep(call, holder, { at, counters: counting, amount });
  }

  /** The reservation stays, with another amount. False when there is none. */
  async change(call: string, amount: Amount): Promise<boolean> {
    const [row] = await this.#transaction.rows(readReservation, [call]);
    if (row === undefined) return false;
    const held = heldOf(row);
    await this.#shift(held, minus(amount, held.amount));
    await this.#keep(call, text(row, "holder"), { ...held, amount });
    return true;
  }

  /** False when the call holds nothing. */
  async drop(call: string): Promise<boolean> {
    const held = await this.held(call);
    if (held === null) return false;
    await this.#shift(held, minus(nothing, held.amount));
    await this.#transaction.change("DELETE FROM reservations WHERE call = $1", [call]);
    return true;
  }

  /** Of an instance that left or was fenced only when its heir has ended its calls on the log: those count what they hold. */
  async dropOfOthers(holders: readonly string[]): Promise<number> {
    const others = await this.#transaction.rows(
      `SELECT call FROM reservations WHERE holder <> ALL ($1::text[])
         AND holder NOT IN (SELECT name FROM instances WHERE settled_at IS NULL)`,
      [holders],
    );
    for (const row of others) await this.drop(text(row, "call"));
    return others.length;
  }

  /** Calls whose end is on the log: counted for good, in the windows in which they were reserved. */
  async count(calls: readonly CountedCall[]): Promise<void> {
    if (calls.length === 0) return;
    const newest = calls.reduce((latest, { at }) => Math.max(latest, at), 0);
    const added = new Map<string, { readonly key: CounterKey; readonly amount: Amount }>();
    const reserved = await this.#heldBy(calls);
    for (const call of calls) {
      const held = reserved.get(call.call) ?? null;
      if (held !== null) await this.drop(call.call);
      const amount = held !== null && call.unknown ? held.amount : call.amount;
      for (const key of keysOf(call, held?.at ?? call.at, newest)) {
        const name = JSON.stringify(key);
        added.set(name, { key, amount: plus(added.get(name)?.amount ?? nothing, amount) });
      }
    }
    for (const { key, amount } of added.values()) await this.#add(key, amount);
    for (const window of calendarWindows)
      await this.#transaction.change("DELETE FROM counters WHERE window_kind = $1 AND start < $2", [
        window,
        previousWindowStart(window, newest),
      ]);
  }

  /** Nothing is counted any more but what calls hold. */
  async reset(): Promise<void> {
    await this.#transaction.change("DELETE FROM counters");
    for (const row of await this.#transaction.rows("SELECT * FROM reservations")) {
      const { at, counters, amount } = heldOf(row);
      for (const counter of counters) await this.#add(counterKey(counter, at), amount);
    }
  }

  async #heldBy(calls: readonly CountedCall[]): Promise<ReadonlyMap<string, Held>> {
    const rows = await this.#transaction.rows("SELECT * FROM reservations WHERE call = ANY ($1::text[])", [
      calls.map(({ call }) => call),
    ]);
    return new Map(rows.map((row) => [text(row, "call"), heldOf(row)]));
  }

  async #add(key: CounterKey, amount: Amount): Promise<void> {
    await this.#transaction.change(addSql, [...key, ...valuesOf(amount)], "add to counter");
  }

  async #keep(call: string, holder: string, { at, counters, amount }: Held): Promise<void> {
    await this.#transaction.change(
      holdSql,
      [call, holder, at, heldCounters(counters), ...valuesOf(amount)],
      "keep reservation",
    );
  }

  /** A row that is gone belongs to a window that is over. */
  async #shift({ at, counters }: Held, by: Amount): Promise<void> {
    for (const counter of counters)
      await this.#transaction.change(
        adjustSql,
        [...counterKey(counter, at), ...valuesOf(by)],
        "adjust counter",
      );
  }
}
