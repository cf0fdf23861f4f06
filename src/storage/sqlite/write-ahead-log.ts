// The write-ahead log's upkeep. SQLite folds it into the database by itself and keeps to itself when it cannot: then it
// grows, reads become slow, and what was destroyed stays in it.

import type { DatabaseSync } from "node:sqlite";
import { databaseFault } from "./sqlite-fault.ts";

/** Pages that may wait to be folded in; SQLite begins at 1,000, so at this many something keeps it from it. */
const maxWaitingPages = 16_384;
const lookEveryMs = 30_000;

export class WriteAheadLog {
  readonly #database: DatabaseSync;
  readonly #uptimeMs: () => number;
  #lastLook = Number.NEGATIVE_INFINITY;
  #toBeEmptied = false;
  #problem: string | null = null;

  /** `database` is the writer's connection. */
  constructor(database: DatabaseSync, uptimeMs: () => number = () => performance.now()) {
    this.#database = database;
    this.#uptimeMs = uptimeMs;
  }

  /** Takes old bytes out of it: at once, or, while somebody reads the database, as soon as `upkeep` finds that they are done. */
  empty(): void {
    this.#toBeEmptied = true;
    this.#tryToEmpty();
  }

  /** To be called about every second. In words what is wrong, or null. Never throws. */
  upkeep(): string | null {
    if (this.#toBeEmptied && !this.#tryToEmpty())
      return "bytes of a destroyed secret are still in the database's write-ahead log; end whatever else reads the database";
    if (this.#uptimeMs() - this.#lastLook >= lookEveryMs) this.#look();
    return this.#problem;
  }

  #look(): void {
    this.#lastLook = this.#uptimeMs();
    const { waiting, fault } = this.#fold("PASSIVE");
    if (fault !== null)
      this.#problem = `the database's write-ahead log cannot be folded into it, and grows: ${fault}`;
    else if (waiting > maxWaitingPages)
      this.#problem = `${waiting} pages of the database's write-ahead log cannot be folded into it; end whatever has been reading the database for so long`;
    else this.#problem = null;
  }

  #tryToEmpty(): boolean {
    const { busy, fault } = this.#fold("TRUNCATE");
    this.#toBeEmptied = busy || fault !== null;
    return !this.#toBeEmptied;
  }

  #fold(mode: "PASSIVE" | "TRUNCATE"): Folded {
    try {
      return withoutWaiting(this.#database, () => {
        const row = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
        const waiting = Number(row?.["log"]) - Number(row?.["checkpointed"]);
        return { busy: row?.["busy"] !== 0, waiting, fault: null };
      });
    } catch (fault) {
      const message = databaseFault(fault) ?? (fault instanceof Error ? fault.message : String(fault));
      return { busy: false, waiting: 0, fault: message };
    }
  }
}

interface Folded {
  /** Somebody else's lock was in the way. */
  readonly busy: boolean;
  /** Pages that are not in the database yet. */
  readonly waiting: number;
  readonly fault: string | null;
}

/** While it waited for somebody else's lock nothing else would run. */
function withoutWaiting<Value>(database: DatabaseSync, act: () => Value): Value {
  const usual = Object.values(database.prepare("PRAGMA busy_timeout").get() ?? {})[0];
  database.exec("PRAGMA busy_timeout = 0");
  try {
    return act();
  } finally {
    database.exec(`PRAGMA busy_timeout = ${Number(usual)}`);
  }
}
