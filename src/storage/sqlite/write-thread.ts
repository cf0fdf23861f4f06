// The thread that writes, as the gateway's own thread sees it: while a commit waits for the disk, the gateway goes on with other calls. What
// comes meanwhile goes over together when the commit before has returned, so the groups grow with the load.

import { Worker } from "node:worker_threads";
import { LogUnavailableError } from "../../audit/log-store.ts";
import {
  type FromWriter,
  faultOf,
  type Job,
  type JobResult,
  plainFault,
  type ToWriter,
} from "./write-messages.ts";

interface Waiting {
  readonly job: Job;
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: Error) => void;
}

/** Beyond this the database is slower than the load for longer than anybody should wait. */
const maxQueued = 50_000;
/** As many as the writer puts into one transaction. */
const maxBatch = 512;

export class WriteThread {
  readonly #worker: Worker;
  #queue: Waiting[] = [];
  /** What the writer has in hand. */
  #underWay: readonly Waiting[] = [];
  #scheduled = false;
  /** Why nothing is written any more, or null. */
  #stopped: string | null = null;
  #ended = false;
  #whenIdle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  /** Over the database in this folder, which `openFolder` has opened. What hinders it is what its first job meets. */
  constructor(folder: string) {
    this.#worker = new Worker(new URL("./write-thread-main.ts", import.meta.url), {
      workerData: folder,
      // Those of the process may not be for a file.
      execArgv: [],
      // It needs none of it, and a copy would keep what the gateway takes out of its own.
      env: {},
    });
    this.#worker.on("message", (results: FromWriter) => this.#settle(results));
    for (const name of ["error", "messageerror"] as const)
      this.#worker.on(name, (fault: Error) => this.#fell(fault));
    this.#worker.on("exit", () => this.#fell(new Error("the thread that writes the database has ended")));
    // Only work that somebody waits for keeps the process.
    this.#worker.unref();
  }

  /** Rejects as the method does. A plain `Error` says that the outcome is unknown. */
  run<Value>(job: Job): Promise<Value> {
    if (this.#stopped !== null) return Promise.reject(new LogUnavailableError(this.#stopped));
    if (this.#queue.length >= maxQueued)
      return Promise.reject(new LogUnavailableError("too many writes are waiting"));
    return new Promise<Value>((resolve, reject) => {
      // The method over there is the one that the caller named; messages carry no types.
      this.#queue.push({ job, resolve: (value) => resolve(value as Value), reject });
      this.#schedule();
    });
  }

  stop(why: string): void {
    this.#stopped ??= why;
    for (const one of this.#queue.splice(0)) one.reject(new LogUnavailableError(this.#stopped));
    this.#post({ kind: "stop", why });
  }

  /** Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopped ??= "the database is closed";
    if (this.#queue.length + this.#underWay.length > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
      this.#send();
      await idle;
    }
    if (this.#ended) return;
    this.#ended = true;
    const exited = new Promise<void>((resolve) => void this.#worker.once("exit", () => resolve()));
    this.#worker.ref();
    this.#post({ kind: "close" });
    await exited;
  }

  /** Takes in what the event loop brings before it goes over. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#underWay.length > 0 || this.#queue.length === 0 || this.#ended) return;
    this.#underWay = this.#queue.splice(0, maxBatch);
    this.#worker.ref();
    try {
      this.#post({ kind: "run", jobs: this.#underWay.map(({ job }) => job) });
    } catch (cause) {
      // A value that no message can hold, which would be a bug in a caller. Nothing of the batch has gone over.
      const fault = new LogUnavailableError("the write cannot be handed over", { cause });
      this.#settle(this.#underWay.map(() => ({ ok: false, fault: plainFault(fault) })));
    }
  }

  #settle(results: FromWriter): void {
    const settled = this.#underWay;
    this.#underWay = [];
    this.#worker.unref();
    for (const [at, waiting] of settled.entries()) settleOne(waiting, results[at]);
    // At once: whatever those that were waiting bring now goes with the batch after.
    this.#send();
    if (this.#underWay.length === 0) this.#whenIdle?.();
  }

  /** What it had in hand may be in the database or not: that is for recovery to find out. */
  #fell(fault: Error): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#stopped ??= `the thread that writes the database fell (${fault.message}); restart the gateway`;
    }
    for (const one of this.#underWay) one.reject(fault);
    for (const one of this.#queue.splice(0))
      one.reject(new LogUnavailableError(this.#stopped ?? fault.message));
    this.#underWay = [];
    this.#whenIdle?.();
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message);
  }
}

function settleOne(waiting: Waiting, result: JobResult | undefined): void {
  if (result === undefined) waiting.reject(new Error("the thread that writes gave no result"));
  else if (result.ok) waiting.resolve(result.value);
  else waiting.reject(faultOf(result.fault));
}
