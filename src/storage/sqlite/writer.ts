// The one writer. Jobs that arrive together share a transaction and so one fsync; nobody waits on a timer: a group is
// committed as soon as the event loop has taken in what was waiting.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { OperatorError } from "../../core/operator-error.ts";
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
  /** Runs before each job, in its transaction. Throws `FencedError` when this process may write no more. */
  readonly fence: () => void;
  /** Runs last in each transaction, to write once what its jobs changed in memory. */
  readonly beforeCommit: () => void;
  readonly afterCommit: () => void;
  /** The transaction is gone: forget what its jobs changed in memory. */
  readonly afterRollback: () => void;
  /** Writes at least one page, and changes nothing. Runs in a transaction of its own. */
  readonly overwrite: () => void;
}

export class SqliteWriter {
  readonly #database: DatabaseSync;
  readonly #hooks: GroupHooks;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  #queue: Job[] = [];
  /** How many at the front of the queue have to go each in a transaction of its own. */
  #alone = 0;
  #scheduled = false;
  /** A commit failed, and what it wrote may still be in the write-ahead log. */
  #inDoubt = false;
  /** Why nothing is written any more, or null. */
  #stopped: string | null = null;

  constructor(database: DatabaseSync, hooks: GroupHooks) {
    this.#database = database;
    this.#hooks = hooks;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#end = database.prepare("COMMIT");
  }

  /**
   * Runs `job` (synchronous, on the writer connection) in a transaction, behind the fence, and resolves with its result
   * once that is durable. A job that throws is rolled back alone and rejects with what it threw.
   */
  write<Value>(job: () => Value): Promise<Value> {
    return this.writeUnfenced(() => {
      this.#hooks.fence();
      return job();
    });
  }

  /** For taking over: it is what moves the fence. */
  writeUnfenced<Value>(job: () => Value): Promise<Value> {
    if (this.#stopped !== null) return Promise.reject(new LogUnavailableError(this.#stopped));
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

  /** Nothing is written from now on, nor what is queued. */
  stop(why: string): void {
    this.#stopped ??= why;
    for (const job of this.#queue.splice(0)) job.reject(new LogUnavailableError(this.#stopped));
    this.#alone = 0;
  }

  /** Commits what is queued; nothing can be written afterwards. */
  close(): void {
    while (this.#queue.length > 0) this.#flush();
    this.#stopped ??= "the database is closed";
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
    const fault = this.#settle() ?? this.#commit(group);
    if (fault === null) {
      for (const job of group) job.resolve(undefined);
    } else if (group.length === 1 || this.#inDoubt || databaseFault(fault) !== null) {
      for (const job of group) job.reject(named(fault, this.#inDoubt));
    } else {
      // One job's fault is not its neighbours', and which one it was does not always show (a fence shows at the end):
      // each gets a transaction of its own, in order, and others a turn in between.
      this.#queue.unshift(...group);
      this.#alone = group.length;
    }
  }

  /** All of the group is durable, or (with the fault returned) none of it. */
  #commit(group: readonly Job[]): unknown {
    const fault = this.#transaction(() => {
      for (const job of group) job.run();
      this.#hooks.beforeCommit();
    });
    if (fault === null) this.#hooks.afterCommit();
    else this.#hooks.afterRollback();
    // At once: whoever is told that it failed may rely on it.
    if (fault !== null && this.#inDoubt) this.#settle();
    return fault;
  }

  /**
   * INVARIANT: nothing is committed while a failed commit is in doubt. When its sync fails, SQLite takes back the commit
   * in memory and leaves the pages, whole and with their checksums, in the write-ahead log: a process that is killed then
   * finds them committed at its next start. The next commit is written over the first of them, and each page's checksum
   * builds on the one before (https://sqlite.org/fileformat2.html §4.1), so one small commit undoes them for good.
   */
  #settle(): unknown {
    if (!this.#inDoubt) return null;
    const fault = this.#transaction(() => this.#hooks.overwrite());
    if (fault === null) this.#inDoubt = false;
    return fault;
  }

  #transaction(work: () => void): unknown {
    let committing = false;
    try {
      this.#rollback();
      this.#begin.run();
      work();
      committing = true;
      this.#end.run();
      return null;
    } catch (fault) {
      this.#inDoubt ||= committing;
      this.#rollbackQuietly();
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

function named(fault: unknown, inDoubt: boolean): Error {
  if (fault instanceof FencedError || fault instanceof LogUnavailableError) return fault;
  if (fault instanceof TypeError || fault instanceof OperatorError) return fault;
  const message = databaseFault(fault) ?? (fault instanceof Error ? fault.message : String(fault));
  const doubt = inDoubt ? "; until it can be, a killed gateway may find what was refused in its log" : "";
  return new LogUnavailableError(`the database cannot be written: ${message}${doubt}`, { cause: fault });
}
