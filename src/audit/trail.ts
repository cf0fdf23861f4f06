// The trail: the one way in which the gateway puts something on record.

import { newSalt } from "portcullis-verify/leaves/commitment.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { EncodedEntry, EntrySalt } from "../core/entry.ts";
import { CheckpointPublisher } from "./checkpoint-publisher.ts";
import { type AppendReceipt, FencedError, LogUnavailableError, type StoredCheckpoint } from "./log-store.ts";
import { type AppendTicket, OpenCalls } from "./open-calls.ts";
import { PeerRecovery } from "./peer-recovery.ts";
import { type Recorder, type RecoveryReport, recoverCalls } from "./recovery.ts";
import { SealWatch } from "./seal-watch.ts";
import { mustResetClock, TrailClock } from "./trail-clock.ts";
import { markOfEntry, openingBodies, TrailEntry } from "./trail-entry.ts";
import { errorOf, type TrailFault, TrailFaults } from "./trail-faults.ts";
import type { TrailOptions } from "./trail-options.ts";
import { type TakenOverLog, takeOverLog } from "./trail-start.ts";
import type { PublishedCheckpoint } from "./witnessing/witnessing.ts";

/**
 * How often a checkpoint is looked for. Less than the second within which every entry is promised to be sealed, to
 * leave time for sealing it.
 */
const checkpointIntervalMs = 800;

export class Trail {
  readonly #options: TrailOptions;
  readonly #openCalls: OpenCalls;
  readonly #peers: PeerRecovery | null;
  readonly #publisher: CheckpointPublisher;
  readonly #clock: TrailClock;
  readonly #seals: SealWatch;
  readonly #faults: TrailFaults;
  readonly #epoch: number;
  readonly #outsideHead: TakenOverLog["outsideHead"];
  #recovery: RecoveryReport = { scanned: 0, completed: [] };
  /** Why nothing can be recorded any more, or null. */
  #ended: string | null = null;
  #available = true;
  #timer: NodeJS.Timeout | null = null;
  #ticking = false;
  #closing: Promise<void> | null = null;

  private constructor(options: TrailOptions, log: TakenOverLog) {
    this.#options = options;
    this.#epoch = log.epoch;
    this.#outsideHead = log.outsideHead;
    this.#clock = new TrailClock(options.clock, log.lastTime);
    this.#seals = new SealWatch(options.uptimeMs ?? (() => performance.now()));
    this.#faults = new TrailFaults(options.onFault);
    this.#openCalls = new OpenCalls(log.head.size);
    this.#publisher = new CheckpointPublisher(options, log, this.#openCalls);
    this.#peers = PeerRecovery.of(options.store, this.#recorder(), this.#openCalls, this.#faults);
  }

  /**
   * Creates the log on first start, takes over writing, checks what is stored against what was signed, completes what
   * a crash left open and publishes a checkpoint. Throws `OperatorError` when the store must not be continued,
   * `LogUnavailableError` when it cannot be written.
   */
  static async open(options: TrailOptions): Promise<Trail> {
    const log = await takeOverLog(options);
    const resetsClock = mustResetClock(options.clock, log.lastTime, options.acceptedClock ?? null);
    const trail = new Trail(options, log);
    trail.#faults.unreadable(log.unreadable);
    await trail.#recordOpening(log);
    // Where others write too, what is open may be theirs; who is gone shows later.
    if (trail.#peers === null) trail.#recovery = await recoverCalls(trail.#recorder(), log, trail.#openCalls);
    // Behind the completions: they must not be earlier than the calls that they end.
    if (resetsClock) await trail.#resetClock();
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

  /** Whether entries are taken, and the last write worked or none has failed yet. */
  get available(): boolean {
    return this.#available && this.#refusal() === null;
  }

  get outsideHead(): TakenOverLog["outsideHead"] {
    return this.#outsideHead;
  }

  /** What was repaired at the start. */
  get recovery(): RecoveryReport {
    return this.#recovery;
  }

  /** The latest that is signed. */
  get checkpoint(): StoredCheckpoint | null {
    return this.#publisher.latest;
  }

  /** The one to give out: the latest, or where witnesses are asked the latest that enough of them have cosigned. */
  get published(): PublishedCheckpoint | null {
    return this.#publisher.published;
  }

  /** How far the clock is behind the newest stamp; 0 when it is not. */
  get clockBehindMs(): number {
    return this.#clock.behindMs;
  }

  newSalt(subject: string): EntrySalt {
    return { bytes: newSalt(), subject };
  }

  /**
   * Stamps and encodes an entry; nothing is recorded yet. Append it in the same turn of the event loop, so that entries
   * land in the order of their times; only how a call ended may be appended later. Throws `LeafTooLargeError`.
   */
  encode(body: LeafBody, salt: EntrySalt | null): TrailEntry {
    const { id, time } = this.#clock.stamp();
    return new TrailEntry(body, { id, time, instance: this.#options.instance }, salt);
  }

  /**
   * Resolves when the entries, next to each other, are durable. Rejects with `LogUnavailableError` or `FencedError`: then
   * nothing of it is in the log. After a fence every append is refused, and so it is while nothing can be sealed or the
   * clock is far behind; after any other failure the next one is tried.
   */
  append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    const refused = this.#refusal();
    return refused === null ? this.#append(entries) : Promise.reject(new LogUnavailableError(refused));
  }

  /** From now on every entry is under a signed checkpoint within a second. Calling it again does nothing. */
  startCheckpoints(intervalMs: number = checkpointIntervalMs): void {
    if (this.#timer !== null || this.#closing !== null) return;
    this.#timer = setInterval(() => void this.#tick(), intervalMs);
    this.#timer.unref();
  }

  /**
   * Signs the head and keeps it, unless it is signed already. Rejects when that fails; where the stored tree is not the one
   * that was signed and recorded before, with more behind it, nothing is signed or recorded any more.
   */
  publishCheckpoint(): Promise<StoredCheckpoint> {
    return this.#ended === null ? this.#publish() : Promise.reject(new LogUnavailableError(this.#ended));
  }

  /** Records `log.closed` and publishes the last checkpoint. Never rejects; what fails is reported. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #refusal(): string | null {
    return this.#ended ?? this.#seals.refusal ?? this.#clock.refusal;
  }

  async #append(entries: readonly EncodedEntry[]): Promise<AppendReceipt> {
    const marks = entries.map(markOfEntry);
    const ticket = this.#openCalls.starting();
    try {
      const receipt = await this.#options.store.append(entries);
      this.#openCalls.durable(ticket, marks, receipt);
      this.#publisher.appended(receipt.firstIndex, entries);
      this.#available = true;
      return receipt;
    } catch (error) {
      throw this.#appendFailed(ticket, error);
    }
  }

  async #publish(): Promise<StoredCheckpoint> {
    this.#seals.trying();
    try {
      const published = await this.#publisher.publish();
      if (!published.ok) throw this.#end("checkpoint", new LogUnavailableError(published.failure));
      this.#seals.sealed(published.value.size, this.#publisher.size);
      return published.value;
    } catch (error) {
      this.#seals.failed(error);
      throw error instanceof FencedError ? this.#end("checkpoint", error) : error;
    }
  }

  /** Never rejects. */
  async #tick(): Promise<void> {
    this.#faults.lasts("clock", this.#clock.refusal);
    const unsealed = this.#seals.refusal;
    if (unsealed !== null) this.#faults.lasts("checkpoint", unsealed);
    // One that hangs is not followed by a queue of others.
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      await this.publishCheckpoint();
      this.#faults.lasts("checkpoint", null);
      await this.#tryWrite();
      // Not waited for: what somebody left may take longer than the next checkpoint.
      void this.#peers?.run();
      this.#faults.lasts("upkeep", await this.#options.store.upkeep());
    } catch (error) {
      if (this.#ended !== null) return;
      this.#faults.lasts("checkpoint", this.#seals.refusal ?? errorOf(error).message);
    } finally {
      this.#ticking = false;
    }
  }

  /** While it refuses nobody may come to try an append, so it tries a write of its own. */
  async #tryWrite(): Promise<void> {
    if (this.#available || this.#ended !== null) return;
    await this.#options.store.setOpenFrom(this.#openCalls.openFrom());
    this.#available = true;
  }

  async #close(): Promise<void> {
    this.#stopTimer();
    if (this.#ended !== null) return;
    const closed: LeafBody = { type: "log.closed", actor: this.#actor(), epoch: this.#epoch };
    const recorded = this.append([this.encode(closed, null)]);
    // Nothing comes after it.
    this.#ended ??= "the trail is closed";
    try {
      await Promise.all([recorded, this.#publisher.signNext()]);
      await this.#publish();
      await this.#options.witnesses?.close();
      await this.#options.store.peers?.leave();
    } catch (error) {
      this.#faults.happened("close", error);
    }
  }

  async #recordOpening({ head, epoch }: TakenOverLog): Promise<void> {
    const { origin, vkey } = this;
    const created = head.size > 0 ? null : { origin, vkey };
    const of = { actor: this.#actor(), epoch, version: this.#options.version };
    const bodies = openingBodies({ ...of, created, joins: this.#peers !== null });
    await this.#append(bodies.map((body) => this.encode(body, null)));
  }

  async #resetClock(): Promise<void> {
    const previous = this.#clock.reset();
    await this.#append([this.encode({ type: "log.clock_reset", actor: this.#actor(), previous }, null)]);
  }

  /** For entries of the start, which belong on record whatever keeps others off it. */
  #recorder(): Recorder {
    const { store, instance } = this.#options;
    return {
      store,
      instance,
      encode: (body) => this.encode(body, null),
      append: (entries) => this.#append(entries),
    };
  }

  #actor(): LeafBody["actor"] {
    return { kind: "gateway", id: this.#options.instance };
  }

  #appendFailed(ticket: AppendTicket, error: unknown): Error {
    this.#available = false;
    if (error instanceof FencedError) {
      this.#openCalls.failed(ticket);
      return this.#end("append", error);
    }
    if (error instanceof LogUnavailableError) {
      this.#openCalls.failed(ticket);
      return error;
    }
    // Against the store's promise: whether it is in the log is unknown, so recovery has to look from here on.
    this.#faults.happened("append", error);
    return new LogUnavailableError("the log could not be written", { cause: error });
  }

  /**
   * Nothing is recorded or signed any more, by this trail or past it: a change of state that commits with its entry goes to
   * the store directly. Returns the error.
   */
  #end<Fault extends Error>(during: TrailFault["during"], error: Fault): Fault {
    if (this.#ended !== null) return error;
    this.#ended = error.message;
    this.#stopTimer();
    this.#options.store.stop(error.message);
    this.#faults.ended(during, error);
    return error;
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
