// Signs and keeps the head of the log, one at a time and only ever forwards.

import type { Clock } from "../core/clock.ts";
import { replaceFile } from "../core/durable-file.ts";
import type { EncodedEntry } from "../core/entry.ts";
import type { LogHead } from "../core/merkle-tree.ts";
import { equalHashes, isWellFormedHead, rootOf } from "../core/merkle-tree.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { AppendedLeaves } from "./appended-leaves.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { LogUnavailableError, type StoredCheckpoint } from "./log-store.ts";
import { grownHead, LogGapError } from "./log-walk.ts";
import type { LogPlace, TakenOverLog } from "./trail-start.ts";

/** Where checkpoints go, and when they are made. */
export interface PublishingPlace extends LogPlace {
  readonly clock: Clock;
}

export class CheckpointPublisher {
  readonly #place: PublishingPlace;
  readonly #openCalls: { openFrom(): number };
  #latest: StoredCheckpoint | null;
  /** The tree as far as its entries were hashed here: nothing that the store says changes it. */
  #seen: LogHead;
  readonly #appended: AppendedLeaves;
  #openFrom = -1;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    place: PublishingPlace,
    { checkpoint, head }: Pick<TakenOverLog, "checkpoint" | "head">,
    openCalls: { openFrom(): number },
  ) {
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

  get latest(): StoredCheckpoint | null {
    return this.#latest;
  }

  /**
   * The checkpoint of what is durable now. Fails, in words, when the stored tree must not be signed; rejects when it
   * cannot be read or kept.
   */
  publish(): Promise<Result<StoredCheckpoint, string>> {
    const published = this.#queue.then(() => this.#publish());
    this.#queue = published.catch(() => undefined);
    return published;
  }

  async #publish(): Promise<Result<StoredCheckpoint, string>> {
    // Before the head is read: what becomes durable in between lies above it.
    const openFrom = this.#openCalls.openFrom();
    const head = await this.#place.store.head();
    const refused = await this.#follow(head);
    if (refused !== null) return fail(refused);
    if (this.#latest !== null && this.#latest.size === head.size) {
      if (openFrom > this.#openFrom) await this.#keepOpenFrom(openFrom);
      return ok(this.#latest);
    }
    // First, and whether it has moved or not: a write meets the fence, and an instance that was taken over from must
    // leave the head outside alone.
    await this.#keepOpenFrom(openFrom);
    return ok(await this.#sign(head));
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
    return checkpoint;
  }
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
