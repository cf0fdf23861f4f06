// What has been used, by whom and in which window, and what calls under way may still use. Policies are decided on these
// numbers, so the store is where a limit holds or does not. Implemented by storage/.

import type { CalendarWindow } from "../core/calendar-window.ts";

export interface Amount {
  readonly requests: number;
  /** Input and output. */
  readonly tokens: number;
  /** Millionths of a US dollar, of the calls whose price is known. */
  readonly microUsd: number;
  /** Calls that used, or may have used, something without a known price. */
  readonly unpriced: number;
}

export interface CounterSubject {
  readonly kind: "application" | "user" | "group";
  /** A configured name; of a user the pseudonym. */
  readonly name: string;
}

/** One row of numbers: of this subject, in the window of this kind that a call's time lies in. */
export interface Counter extends CounterSubject {
  readonly window: CalendarWindow;
}

/** Inclusive, and within 0 to 2^53-1. */
export interface Bounds {
  readonly atLeast: number;
  readonly atMost: number;
}

/** A counter, and where its numbers have to stand once a reservation is made. */
export interface BoundCounter extends Counter {
  /** Whether the call counts in it. Another group's, say, is only looked at. */
  readonly counts: boolean;
  readonly within: Readonly<Partial<Record<keyof Amount, Bounds>>>;
}

/** What one call holds until it is known what it used. */
export interface Reservation {
  readonly call: string;
  /** The process that works on the call. */
  readonly holder: string;
  /**
   * The call's time, which says in which windows it is counted, however long it takes. Several gateways on one database
   * need one clock: each its own, corrected by the offset from the database's.
   */
  readonly at: number;
  /** Those that policies read; each once. */
  readonly counters: readonly BoundCounter[];
  /** The most that the call is expected to use. */
  readonly amount: Amount;
}

export interface ReserveResult {
  readonly reserved: boolean;
  /** What each counter stands at with this reservation, or would stand at, in their order. */
  readonly values: readonly Amount[];
}

/** A call whose end is on the log. */
export interface CountedCall {
  readonly call: string;
  readonly at: number;
  readonly subjects: readonly CounterSubject[];
  readonly amount: Amount;
  /** Nobody knows what it used: what it reserved counts in place of `amount`, if it did. */
  readonly unknown: boolean;
}

/**
 * A counter's value is what calls on record used in its window, plus what open reservations hold. `UsageStore.advance`
 * counts calls off the log, each once, and ends their reservations in the same transaction. No number leaves 0 to 2^53-1.
 * Rows of windows that are over for longer than their own length may be gone, and then read as zeros.
 *
 * INVARIANT: a reservation is made only if all its counters are within its bounds at the moment at which it is made, by
 * whatever gateway on this database: bounds are tested and amounts added without a gap. On SQLite that is one job of the
 * one writer. On PostgreSQL it is one transaction that takes the rows' locks in one order (counters sorted; `INSERT … ON
 * CONFLICT DO UPDATE … RETURNING`) and rolls back when a bound does not hold, or a SERIALIZABLE one with retry.
 */
export interface CounterStore {
  /**
   * Makes the reservation if, with it, every counter is within its bounds; else nothing changes. A reservation that the
   * call has already is replaced, and is not part of the values. Resolves once it is committed. Rejects as the log store
   * does, and then nothing is reserved.
   */
  reserve(reservation: Reservation): Promise<ReserveResult>;
  /**
   * What the call really used takes the place of what it reserved. The reservation stays until the log is counted. Called
   * again it changes nothing more. False when the call has no reservation: none was made, or its end is counted.
   */
  settle(call: string, amount: Amount): Promise<boolean>;
  /** For a call that did not happen. False when it has no reservation. */
  release(call: string): Promise<boolean>;
  /**
   * Releases what processes that are gone hold: calls without an end on the log, which were never decided on it. Call it
   * when the ends that recovery wrote are counted. `holders` are processes that live; where several
   * instances write one log the store knows the others, and what they hold stays. Gives how many there were.
   */
  releaseOfOthers(holders: readonly string[]): Promise<number>;
  /** What they stand at, in the order asked for; without what the call `without` holds, if one is named. */
  read(at: number, counters: readonly Counter[], without?: string): Promise<readonly Amount[]>;
}
