// The trail: the one way in which the gateway puts something on record.

import type { Clock } from "../core/clock.ts";
import { rfc3339 } from "../core/clock.ts";
import type { EncodedEntry, EntrySalt } from "../core/entry.ts";
import { uuidv7 } from "../core/id.ts";
import { CheckpointPublisher } from "./checkpoint-publisher.ts";
import { newSalt } from "./commitment.ts";
import type { LeafBody } from "./leaf-schema.ts";
import { type AppendReceipt, FencedError, LogUnavailableError, type StoredCheckpoint } from "./log-store.ts";
import { type AppendTicket, OpenCalls } from "./open-calls.ts";
import { completeOpenCalls, findOpenCalls, type RecoveryReport } from "./recovery.ts";
import { TrailEntry } from "./trail-entry.ts";
import { type LogPlace, type TakenOverLog, takeOverLog } from "./trail-start.ts";

/** Something that went wrong out of sight of any caller. */
export interface TrailFault {
  readonly during: "append" | "checkpoint" | "close";
  readonly error: Error;
}

export interface TrailOptions extends LogPlace {
  /** Version of Portcullis, for `log.opened`. */
  readonly version: string;
  readonly clock: Clock;
  readonly onFault: (fault: TrailFault) => void;
}

/**
 * How often a checkpoint is looked for. Less than the second within which every entry is promised to be sealed, to
 * leave time for sealing it.
 */
const checkpointIntervalMs = 800;

export class Trail {
  readonly #options: TrailOptions;
  readonly #openCalls: OpenCalls;
  readonly #publisher: CheckpointPublisher;
  readonly #epoch: number;
  readonly #outsideHead: TakenOverLog["outsideHead"];
  #recovery: RecoveryReport = { scanned: 0, completed: [] };
  #lastTime: number;
  #lastStamp = "";
  /** Why nothing can be recorded any more, or null. */
  #ended: string | null = null;
  #available = true;
  #timer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;

  private constructor(options: TrailOptions, log: TakenOverLog) {
    this.#options = options;
    this.#epoch = log.epoch;
    this.#outsideHead = log.outsideHead;
    this.#lastTime = log.lastTime;
    this.#openCalls = new OpenCalls(log.head.size);
    this.#publisher = new CheckpointPublisher(options, log.checkpoint, this.#openCalls);
  }

  /**
   * Creates the log on first start, takes over writing, checks what is stored against what was signed, completes what
   * a crash left open and publishes a checkpoint. Throws `OperatorError` when the store must not be continued,
   * `LogUnavailableError` when it cannot be written.
   */
  static async open(options: TrailOptions): Promise<Trail> {
    const log = await takeOverLog(options);
    const trail = new Trail(options, log);
    await trail.#recordOpening(log);
    await trail.#recover(log);
    await trail.publishCheckpoint();
    return trail;
  }

  get origin(): string {
    return this.#options.signer.name;
  }

  get vkey(): string {
    return this.#options.signer.vkey;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the last write worked, or none has failed yet. */
  get available(): boolean {
    return this.#ended === null && this.#available;
  }

  get outsideHead(): TakenOverLog["outsideHead"] {
    return this.#outsideHead;
  }

  /** What was repaired at the start. */
  get recovery(): RecoveryReport {
    return this.#recovery;
  }

  get checkpoint(): StoredCheckpoint | null {
    return this.#publisher.latest;
  }

  /** How far the clock is behind the newest stamp; 0 when it is not. */
  get clockBehindMs(): number {
    return Math.max(0, this.#lastTime - this.#options.clock.now());
  }

  newSalt(subject: string): EntrySalt {
    return { bytes: newSalt(), subject };
  }

  /**
   * Stamps and encodes an entry; nothing is recorded yet. Append it in the same turn of the event loop, so that entries
   * land in the order of their times; only how a call ended may be appended later. Throws `LeafTooLargeError`.
   */
  encode(body: LeafBody, salt: EntrySalt | null): TrailEntry {
    const time = this.#stampTime();
    const stamp = { id: uuidv7(this.#lastTime), time, instance: this.#options.instance };
    return new TrailEntry(body, stamp, salt);
  }

  /**
   * Resolves when the entries, next to each other, are durable. Rejects with `LogUnavailableError` or `FencedError`: then
   * nothing of it is in the log. After a fence every append is refused; after any other failure the next one is tried.
   */
  async append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    if (this.#ended !== null) throw new LogUnavailableError(this.#ended);
    const marks = entries.map(markOf);
    const ticket = this.#openCalls.starting();
    try {
      const receipt = await this.#options.store.append(entries);
      this.#openCalls.durable(ticket, marks, receipt);
      this.#available = true;
      return receipt;
    } catch (error) {
      throw this.#appendFailed(ticket, error);
    }
  }

  /** From now on every entry is under a signed checkpoint within a second. Calling it again does nothing. */
  startCheckpoints(intervalMs: number = checkpointIntervalMs): void {
    if (this.#timer !== null || this.#closing !== null) return;
    this.#timer = setInterval(() => {
      this.#tick().catch((error: unknown) => this.#fault("checkpoint", error));
    }, intervalMs);
    this.#timer.unref();
  }

  /**
   * Signs the head and keeps it, unless it is signed already. Rejects when that fails; where the stored tree turns out
   * smaller than or different from what was signed before, nothing is signed or recorded any more.
   */
  async publishCheckpoint(): Promise<StoredCheckpoint> {
    const published = await this.#publisher.publish();
    if (published.ok) return published.value;
    this.#ended ??= published.failure;
    throw new LogUnavailableError(published.failure);
  }

  /** Records `log.closed` and publishes the last checkpoint. Never rejects; what fails is reported. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #tick(): Promise<void> {
    await this.publishCheckpoint();
    if (this.#available || this.#ended !== null) return;
    // While it refuses nobody may come to try an append, so it tries a write of its own.
    await this.#options.store.setOpenFrom(this.#openCalls.openFrom());
    this.#available = true;
  }

  async #close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#ended !== null) return;
    const closed: LeafBody = { type: "log.closed", actor: this.#actor(), epoch: this.#epoch };
    const recorded = this.append([this.encode(closed, null)]);
    // Nothing comes after it.
    this.#ended ??= "the trail is closed";
    try {
      await recorded;
      await this.publishCheckpoint();
    } catch (error) {
      this.#fault("close", error);
    }
  }

  async #recordOpening(log: TakenOverLog): Promise<void> {
    const actor = this.#actor();
    const { version } = this.#options;
    const opened = this.encode({ type: "log.opened", actor, epoch: log.epoch, version }, null);
    if (log.head.size > 0) {
      await this.append([opened]);
      return;
    }
    const created: LeafBody = { type: "log.created", actor, origin: this.origin, vkey: this.vkey };
    await this.append([this.encode(created, null), opened]);
  }

  async #recover(log: TakenOverLog): Promise<void> {
    const { store, instance } = this.#options;
    const from = Math.min(await store.openFrom(), log.head.size);
    const open = await findOpenCalls(store, from, log.head.size);
    // Tracked before anything is published, so that `openFrom` stays below them until their completions are durable.
    for (const call of open.values()) this.#openCalls.opened(call.call, call.firstIndex);
    const completed = await completeOpenCalls(this, instance, open.values());
    this.#recovery = { scanned: log.head.size - from, completed };
  }

  #actor(): LeafBody["actor"] {
    return { kind: "gateway", id: this.#options.instance };
  }

  // The clock may be set back; the trail's time never is.
  #stampTime(): string {
    const now = Math.max(this.#lastTime, this.#options.clock.now());
    if (now !== this.#lastTime || this.#lastStamp === "") {
      this.#lastTime = now;
      this.#lastStamp = rfc3339(now);
    }
    return this.#lastStamp;
  }

  #appendFailed(ticket: AppendTicket, error: unknown): Error {
    this.#available = false;
    if (error instanceof FencedError) {
      this.#openCalls.failed(ticket);
      this.#ended ??= "another instance has taken over the log; stop this one";
      this.#fault("append", error);
      return error;
    }
    if (error instanceof LogUnavailableError) {
      this.#openCalls.failed(ticket);
      return error;
    }
    // Against the store's promise: whether it is in the log is unknown, so recovery has to look from here on.
    this.#fault("append", error);
    return new LogUnavailableError("the log could not be written", { cause: error });
  }

  #fault(during: TrailFault["during"], error: unknown): void {
    this.#options.onFault({ during, error: error instanceof Error ? error : new Error(String(error)) });
  }
}

function markOf(entry: EncodedEntry): TrailEntry["mark"] {
  if (!(entry instanceof TrailEntry))
    throw new TypeError("only entries encoded by the trail can be appended");
  return entry.mark;
}
