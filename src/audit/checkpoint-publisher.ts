// Signs and keeps the head of the log, one at a time and only ever forwards.

import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import type { LogHead } from "portcullis-verify/log/merkle-tree.ts";
import { emptyHead, equalHashes, isWellFormedHead, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import type { Clock } from "../core/clock.ts";
import { replaceFile } from "../core/durable-file.ts";
import type { EncodedEntry } from "../core/entry.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { AppendedLeaves } from "./appended-leaves.ts";
import { LogUnavailableError, type StoredCheckpoint } from "./log-store.ts";
import { grownHead, LogGapError } from "./log-walk.ts";
import type { OpenCalls } from "./open-calls.ts";
import { NotSigningError } from "./peer-store.ts";
import { SigningTurn } from "./signing-turn.ts";
import { type LogPlace, storedCheckpoint, type TakenOverLog } from "./trail-start.ts";
import type { PublishedCheckpoint } from "./witnessing/witnessing.ts";

/** Where checkpoints go, and when they are made. */
export interface PublishingPlace extends LogPlace {
  readonly clock: Clock;
}

export class CheckpointPublisher {
  readonly #place: PublishingPlace;
  readonly #openCalls: Pick<OpenCalls, "openFrom" | "grown">;
  /** Null where nobody else signs. */
  readonly #turn: SigningTurn | null;
  #latest: StoredCheckpoint | null;
  /** The tree as far as its entries were hashed here: nothing that the store says changes it. */
  #seen: LogHead;
  readonly #appended: AppendedLeaves;
  #openFrom = -1;
  #size = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    place: PublishingPlace,
    { checkpoint, head }: Pick<TakenOverLog, "checkpoint" | "head">,
    openCalls: Pick<OpenCalls, "openFrom" | "grown">,
  ) {
    const { peers } = place.store;
    this.#turn = peers === null ? null : new SigningTurn(peers, () => performance.now());
    this.#place = place;
    this.#latest = checkpoint;
    this.#seen = head;
    this.#openCalls = openCalls;
    this.#appended = new AppendedLeaves(place.store);
  }

  /** Entries of this process that are durable, from this index on. */
  appended(firstIndex: number, entries: readonly EncodedEntry[]): void {
    this.#appended.add(firstIndex, entries);
  }

  /** What is published next is signed here, whoever signed before. */
  async signNext(): Promise<void> {
    await this.#turn?.takeNow();
  }

  get latest(): StoredCheckpoint | null {
    return this.#latest;
  }

  get published(): PublishedCheckpoint | null {
    const { witnesses } = this.#place;
    return witnesses == null ? this.#latest : witnesses.published;
  }

  /** Entries there were when it looked last. */
  get size(): number {
    return this.#size;
  }

  /**
   * The checkpoint of what is durable now; where another instance signs, the latest that it has signed. Fails, in words,
   * when the stored tree must not be signed; rejects when it cannot be read or kept.
   */
  publish(): Promise<Result<StoredCheckpoint, string>> {
    const published = this.#queue.then(() => this.#publish());
    this.#queue = published.catch(() => undefined);
    return published;
  }

  async #publish(): Promise<Result<StoredCheckpoint, string>> {
    const published = await this.#publishSeen();
    // Whatever they showed meanwhile: what is signed now was not known to contradict it, and nothing follows.
    const refused = this.#place.witnesses?.refusal ?? null;
    return refused === null ? published : fail(refused);
  }

  async #publishSeen(): Promise<Result<StoredCheckpoint, string>> {
    const contradicted = this.#place.witnesses?.refusal ?? null;
    if (contradicted !== null) return fail(contradicted);
    // Before the head is read: what becomes durable in between lies above it.
    const openFrom = this.#openCalls.openFrom();
    if (this.#turn !== null && !(await this.#takeTurn(this.#turn))) return this.#lookOn(openFrom);
    // What others signed comes first: the head is read behind it.
    const behind = this.#turn === null ? null : await this.#followSigned();
    const head = await this.#readHead();
    const refused = behind ?? (await this.#follow(head));
    if (refused !== null) return fail(refused);
    if (this.#latest !== null && this.#latest.size === head.size) {
      if (openFrom > this.#openFrom) await this.#keepOpenFrom(openFrom);
      this.#place.witnesses?.offer(this.#latest);
      return ok(this.#latest);
    }
    // First, and whether it has moved or not: a write meets the fence, and an instance that was taken over from must
    // leave the head outside alone.
    await this.#keepOpenFrom(openFrom);
    try {
      return ok(await this.#sign(head));
    } catch (error) {
      if (this.#turn === null || !(error instanceof NotSigningError)) throw error;
      this.#turn.lost();
      return this.#lookOn(openFrom);
    }
  }

  async #takeTurn(turn: SigningTurn): Promise<boolean> {
    return turn.take(this.#latest?.size ?? 0, (await this.#readHead()).size);
  }

  async #readHead(): Promise<LogHead> {
    const head = await this.#place.store.head();
    this.#size = head.size;
    this.#openCalls.grown(head.size);
    return head;
  }

  /** Another instance signs. */
  async #lookOn(openFrom: number): Promise<Result<StoredCheckpoint, string>> {
    const refused = await this.#followSigned();
    if (refused !== null) return fail(refused);
    if (openFrom > this.#openFrom) await this.#keepOpenFrom(openFrom);
    await this.#place.witnesses?.lookOn();
    if (this.#latest === null) throw new LogUnavailableError("nothing has been signed yet");
    return ok(this.#latest);
  }

  /** Holds what others signed against the entries, and keeps it outside here too. Why it cannot be followed, or null. */
  async #followSigned(): Promise<string | null> {
    const { store, headFile } = this.#place;
    const signed = await storedCheckpoint(this.#place);
    const latest = this.#latest ?? emptyHead;
    if (signed === null || signed.size <= latest.size) return null;
    const base = this.#seen.size <= signed.size ? this.#seen : latest;
    try {
      const grown = await grownHead(this.#seen === base ? this.#appended : store, base, signed.size);
      if (!equalHashes(rootOf(grown), signed.root)) return unlike(signed.size);
      if (grown.size > this.#seen.size) this.#seen = grown;
      this.#appended.forgetBelow(signed.size);
    } catch (error) {
      if (error instanceof LogGapError) return unlike(signed.size);
      throw error;
    }
    await keepOutside(headFile, signed.note);
    this.#latest = signed;
    return null;
  }

  /**
   * INVARIANT: only a tree is signed that this process has hashed, entry by entry, on top of the one before. The head comes
   * from a row that whoever can write the data store can write too.
   */
  async #follow(head: LogHead): Promise<string | null> {
    if (!isWellFormedHead(head)) return "the stored head is damaged; run `portcullis audit verify`";
    const { size } = this.#seen;
    const refusal = (why: string): string =>
      `the stored log (${head.size} entries) does not continue the tree of ${size} entries that was there before: ${why}; keep a copy of the data folder and run \`portcullis audit verify\` on it`;
    if (head.size < size) return refusal("it is smaller");
    try {
      const grown = await grownHead(this.#appended, this.#seen, head.size);
      if (!equalHashes(rootOf(grown), rootOf(head))) return refusal("its entries do not hash to its head");
      this.#seen = grown;
      this.#appended.forgetBelow(grown.size);
      return null;
    } catch (error) {
      if (error instanceof LogGapError) return refusal(`entry ${error.index} is missing`);
      throw error;
    }
  }

  async #keepOpenFrom(openFrom: number): Promise<void> {
    await this.#place.store.setOpenFrom(openFrom);
    this.#openFrom = openFrom;
  }

  async #sign(head: LogHead): Promise<StoredCheckpoint> {
    const { store, signer, headFile, clock } = this.#place;
    const root = rootOf(head);
    const note = signCheckpoint(signer, head.size, root);
    const checkpoint = { size: head.size, time: clock.now(), root, note, frontier: head.frontier };
    // The head outside comes first: whoever reads a checkpoint from the store can rely on it being remembered there.
    // A crash in between leaves it ahead of the store's checkpoint and never ahead of the entries.
    await keepOutside(headFile, note);
    await store.putCheckpoint(checkpoint);
    this.#latest = checkpoint;
    // Durable before anybody else sees it: what a witness shows of this log was in the store.
    this.#place.witnesses?.offer(checkpoint);
    return checkpoint;
  }
}

function unlike(size: number): string {
  return `the entries in the data store differ from the checkpoint of ${size} entries that another gateway signed; keep a copy of the data store and run \`portcullis audit verify\` on it`;
}

async function keepOutside(headFile: string, note: string): Promise<void> {
  try {
    await replaceFile(headFile, note, 0o644);
  } catch (cause) {
    // The system's message names a file of each try.
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new LogUnavailableError(`\`${headFile}\` cannot be written (${why})`, { cause });
  }
}
