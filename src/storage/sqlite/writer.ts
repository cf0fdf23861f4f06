// The one writer. Jobs that arrive together share a transaction and so one fsync; nobody waits on a timer: a group is
// committed as soon as the event loop has taken in what was waiting.

import type { DatabaseSync } from "node:sqlite";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { databaseFault } from "./sqlite-fault.ts";

interface Job {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: Error) => void;
}

/** Beyond this the database is slower than the load for longer than anybody should wait. */
const maxQueued = 50_000;
const maxGroup = 512;

export interface GroupHooks {
  /** Runs last in each transaction, to write once what its jobs changed in memory. */
  readonly beforeCommit: () => void;
  /** The transaction is gone: forget what its jobs changed in memory. */
  readonly afterRollback: () => void;
}

export class SqliteWriter {
  readonly #database: DatabaseSync;
  readonly #hooks: GroupHooks;
  #queue: Job[] = [];
  /** How many at the front of the queue have to go each in a transaction of its own. */
  #alone = 0;
  #scheduled = false;
  #closed = false;

  constructor(database: DatabaseSync, hooks: GroupHooks) {
    this.#database = database;
    this.#hooks = hooks;
  }

  /**
   * Runs `job` (synchronous, on the writer connection) in a transaction and resolves with its result once that is
   * durable. A job that throws is rolled back alone and rejects with what it threw.
   */
  write<Value>(job: () => Value): Promise<Value> {
    if (this.#closed) return Promise.reject(new LogUnavailableError("the database is closed"));
    if (this.#queue.length >= maxQueued)
      return Promise.reject(new LogUnavailableError("too many writes are waiting"));
    return new Promise<Value>((resolve, reject) => {
      let result: { readonly value: Value } | null = null;
      this.#queue.push({
        run: () => {
          result = { value: job() };
        },
        resolve: () =>
          result === null ? reject(new LogUnavailableError("the write did not run")) : resolve(result.value),
        reject,
      });
      this.#schedule();
    });
  }

  /** Commits what is queued; nothing can be written afterwards. */
  close(): void {
    while (this.#queue.length > 0) this.#flush();
    this.#closed = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const group = this.#queue.splice(0, this.#alone > 0 ? 1 : maxGroup);
    if (this.#alone > 0) this.#alone -= 1;
    const fault = this.#commit(group);
    if (fault === null) {
      for (const job of group) job.resolve(undefined);
    } else if (group.length === 1 || databaseFault(fault) !== null) {
      for (const job of group) job.reject(named(fault));
    } else {
      // One job's fault is not its neighbours', and which one it was does not always show (a fence shows at the end):
      // each gets a transaction of its own, in order, and others a turn in between.
      this.#queue.unshift(...group);
      this.#alone = group.length;
    }
  }

  /** All of the group is durable, or (with the fault returned) none of it. */
  #commit(group: readonly Job[]): unknown {
    try {
      this.#rollback();
      this.#database.exec("BEGIN IMMEDIATE");
      for (const job of group) job.run();
      this.#hooks.beforeCommit();
      this.#database.exec("COMMIT");
      return null;
    } catch (fault) {
      this.#rollbackQuietly();
      this.#hooks.afterRollback();
      return fault;
    }
  }

  /** SQLite has rolled back some failed transactions (disk full, I/O error) by itself. */
  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  #rollbackQuietly(): void {
    try {
      this.#rollback();
    } catch {
      // The disk may refuse even this. It is tried again before the next transaction; until then nothing commits.
    }
  }
}

function named(fault: unknown): Error {
  if (fault instanceof FencedError || fault instanceof LogUnavailableError || fault instanceof TypeError)
    return fault;
  const message = databaseFault(fault) ?? (fault instanceof Error ? fault.message : String(fault));
  return new LogUnavailableError(`the database cannot be written: ${message}`, { cause: fault });
}
