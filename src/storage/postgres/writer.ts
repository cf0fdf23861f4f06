// The one writer of a gateway. Jobs that arrive together share a transaction and so one wait for the server's disk; nobody
// waits on a timer: a group is committed as soon as the one before it is.

import { setTimeout as delay } from "node:timers/promises";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { integer } from "../rows/row.ts";
import { faultText, isContention, isLockTimeout } from "./postgres-fault.ts";
import type { Session } from "./session.ts";
import { endsGroup, named, UnknownOutcomeError, unavailable } from "./write-fault.ts";
import { type TransactionKind, WriteTransaction, type Writing } from "./write-transaction.ts";

export interface JobKind extends TransactionKind {
  /** Has a transaction of its own. */
  readonly alone: boolean;
}

export const jobKinds = {
  /** Changes rows, and nothing that it counts or claims. */
  rows: { appends: false, serializable: false, alone: false },
  /** Changes rows together with their entries. */
  entries: { appends: true, serializable: false, alone: false },
  /** Counts or claims: what it read holds when it commits. */
  claims: { appends: false, serializable: true, alone: true },
  /** As `rows`, and locks what it does not own. */
  alone: { appends: false, serializable: false, alone: true },
} as const satisfies Record<string, JobKind>;

interface Job {
  readonly kind: JobKind;
  readonly run: (transaction: WriteTransaction) => unknown;
  readonly resolve: () => void;
  readonly reject: (fault: Error) => void;
}

/** Beyond this the database is slower than the load for longer than anybody should wait. */
const maxQueued = 50_000;
const maxGroup = 512;
const maxTries = 10;
const firstRetryMs = 20;
const longestRetryMs = 1_000;
/** How long `close` waits for a database that is not there. */
const closeWithinMs = 5_000;

export class PostgresWriter {
  readonly #connect: () => Promise<Session>;
  readonly #onLost: () => void;
  #session: Session | null;
  #writing: Writing | null = null;
  #queue: Job[] = [];
  /** Groups that are on their way, or null. */
  #working: Promise<void> | null = null;
  /** Why nothing can be written now; it is tried again. */
  #down: string | null = null;
  #fenced: FencedError | null = null;
  /** Why nothing is written any more, or null. */
  #stopped: string | null = null;
  readonly #closing = new AbortController();

  /** `connect` opens a session in place of one that is lost; `onLost` is told then that the server may be another one. */
  constructor(session: Session, connect: () => Promise<Session>, onLost: () => void) {
    this.#onLost = onLost;
    this.#session = session;
    this.#connect = connect;
  }

  /** Null before it has taken over. */
  get epoch(): number | null {
    return this.#writing?.epoch ?? null;
  }

  /** Why nothing can be written now, or null. */
  get hindrance(): string | null {
    return this.#stopped ?? this.#fenced?.message ?? this.#down;
  }

  /**
   * Runs `job` in a transaction, behind the fence, and resolves with its result once that is durable. A job that throws is
   * rolled back alone and rejects with what it threw. It may run more than once, and only its last run counts.
   */
  write<Value>(
    kind: JobKind,
    job: (transaction: WriteTransaction) => Value | Promise<Value>,
  ): Promise<Value> {
    const refused = this.#refusal();
    if (refused !== null) return Promise.reject(refused);
    return new Promise<Value>((resolve, reject) => {
      let result: { readonly value: Value } | null = null;
      this.#queue.push({
        kind,
        run: async (transaction) => {
          result = { value: await job(transaction) };
        },
        resolve: () =>
          result === null ? reject(new LogUnavailableError("the write did not run")) : resolve(result.value),
        reject,
      });
      this.#work();
    });
  }

  /** From now on everything is written as this instance. */
  tookOver(epoch: number): void {
    this.#writing = { epoch, commits: 0 };
  }

  /** Nothing is written from now on, nor what is queued. */
  stop(why: string): void {
    this.#stopped ??= why;
    this.#rejectQueued(new LogUnavailableError(this.#stopped));
  }

  /** Commits what is queued; nothing can be written afterwards. */
  async close(): Promise<void> {
    this.#stopped ??= "the database is closed";
    const giveUp = setTimeout(() => this.#closing.abort(), closeWithinMs);
    while (this.#working !== null) await this.#working;
    clearTimeout(giveUp);
    this.#closing.abort();
    this.#session?.end();
  }

  #refusal(): Error | null {
    if (this.#stopped !== null) return new LogUnavailableError(this.#stopped);
    if (this.#fenced !== null) return this.#fenced;
    if (this.#down !== null) return unavailable(this.#down);
    return this.#queue.length < maxQueued ? null : new LogUnavailableError("too many writes are waiting");
  }

  #work(): void {
    this.#working ??= this.#drain().finally(() => {
      this.#working = null;
      if (this.#queue.length > 0) this.#work();
    });
  }

  async #drain(): Promise<void> {
    // What the event loop has ready belongs to the first group too.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#flush(this.#takeGroup());
  }

  #takeGroup(): readonly Job[] {
    if (this.#queue[0]?.kind.alone === true) return this.#queue.splice(0, 1);
    const alone = this.#queue.findIndex(({ kind }) => kind.alone);
    return this.#queue.splice(0, Math.min(maxGroup, alone === -1 ? maxGroup : alone));
  }

  async #flush(group: readonly Job[]): Promise<void> {
    const fault = await this.#commit(group);
    if (fault === null) {
      for (const job of group) job.resolve();
    } else if (group.length === 1 || endsGroup(fault)) {
      for (const job of group) job.reject(named(fault));
    } else {
      // One job's fault is not its neighbours', and which one it was does not always show: each gets its own transaction.
      for (const job of group) await this.#flush([job]);
    }
    if (fault instanceof FencedError && this.#writing !== null) this.#fence(fault);
    if (this.#down !== null) this.#rejectQueued(unavailable(this.#down));
  }

  /** All of the group is durable, or (with the fault returned) none of it. */
  async #commit(group: readonly Job[]): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      const fault = await this.#transaction(group);
      // Whoever waited for a lock in vain was not heard of meanwhile, and is alive.
      if (isLockTimeout(fault) && this.#writing !== null) await this.#transaction([]);
      if (!isContention(fault) || group.length > 1 || tries === maxTries) return fault;
      await delay(Math.random() * firstRetryMs * tries);
    }
  }

  async #transaction(group: readonly Job[]): Promise<unknown> {
    const session = this.#session;
    const writing = this.#writing;
    if (this.#down !== null) return unavailable(this.#down);
    if (session === null || session.lost) return this.#lost("the connection is lost");
    let committing = false;
    try {
      const kind = {
        appends: group.some((job) => job.kind.appends),
        serializable: group.some((job) => job.kind.serializable),
      };
      session.takeWarning();
      const transaction = await WriteTransaction.begin(session, kind, writing);
      for (const job of group) await job.run(transaction);
      await transaction.commit(() => {
        committing = true;
      });
      // A wait for a synchronous standby that was cut short ends with a warning, and the commit is on one server only.
      if (!session.takeWarning() || writing === null) return this.#committed();
      session.end();
    } catch (fault) {
      if (!session.lost) {
        await session.run({ text: "ROLLBACK" }).catch(() => {});
        if (!session.lost) return fault;
      }
      if (!committing) return this.#lost(faultText(fault));
    }
    return writing === null
      ? this.#lost("the connection was lost while it committed")
      : this.#inDoubt(writing);
  }

  #committed(): null {
    if (this.#writing !== null)
      this.#writing = { epoch: this.#writing.epoch, commits: this.#writing.commits + 1 };
    return null;
  }

  #lost(why: string): Error {
    this.#goDown(why);
    void this.#reconnect();
    return unavailable(why);
  }

  #goDown(why: string): void {
    this.#down = why;
    this.#session?.end();
    this.#session = null;
    this.#onLost();
  }

  #fence(fault: FencedError): void {
    this.#fenced ??= fault;
    this.#rejectQueued(this.#fenced);
  }

  #rejectQueued(fault: Error): void {
    for (const job of this.#queue.splice(0)) job.reject(fault);
  }

  /** Whether another session could be had before this writer was closed. */
  async #reconnect(): Promise<boolean> {
    for (let wait = firstRetryMs; !this.#closing.signal.aborted; wait = Math.min(longestRetryMs, wait * 2)) {
      try {
        const session = await this.#connect();
        if (this.#closing.signal.aborted) session.end();
        else {
          this.#session = session;
          this.#down = null;
          return true;
        }
      } catch (fault) {
        this.#down = faultText(fault);
      }
      await delay(wait, undefined, { signal: this.#closing.signal }).catch(() => {});
    }
    return false;
  }

  /**
   * INVARIANT: nothing is appended and nobody is told anything while it is not known what became of a commit. The
   * instance's row says how many were made. To write it waits for a commit that the server still works on, and once this
   * write is durable so is the other, on a synchronous standby too.
   */
  async #inDoubt(writing: Writing): Promise<unknown> {
    this.#goDown("the connection was lost while it committed");
    this.#rejectQueued(unavailable("the connection was lost while it committed"));
    while (await this.#reconnect()) {
      const session = this.#session;
      if (session === null) continue;
      try {
        const [row] = await session.rows(
          "UPDATE instances SET heartbeat = clock_timestamp() WHERE epoch = $1 RETURNING commits",
          [writing.epoch],
        );
        if (row === undefined) break;
        if (session.takeWarning()) {
          session.end();
          continue;
        }
        return integer(row, "commits") === writing.commits + 1
          ? this.#committed()
          : unavailable("the connection was lost before the commit");
      } catch (fault) {
        this.#goDown(faultText(fault));
        await delay(firstRetryMs);
      }
    }
    return new UnknownOutcomeError(
      "the gateway was stopped before the database said whether it had committed",
    );
  }
}
