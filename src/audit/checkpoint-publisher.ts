// Signs and keeps the head of the log, one at a time and only ever forwards.

import type { Clock } from "../core/clock.ts";
import { replaceFile } from "../core/durable-file.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { signCheckpoint } from "./checkpoint.ts";
import type { LogHead, StoredCheckpoint } from "./log-store.ts";
import { continuesHead, isWellFormedHead, rootOf } from "./merkle-tree.ts";
import type { LogPlace } from "./trail-start.ts";

/** Where checkpoints go, and when they are made. */
export interface PublishingPlace extends LogPlace {
  readonly clock: Clock;
}

export class CheckpointPublisher {
  readonly #place: PublishingPlace;
  readonly #openCalls: { openFrom(): number };
  #latest: StoredCheckpoint | null;
  #openFrom = -1;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(place: PublishingPlace, latest: StoredCheckpoint | null, openCalls: { openFrom(): number }) {
    this.#place = place;
    this.#latest = latest;
    this.#openCalls = openCalls;
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
    const refused = this.#refusal(head);
    if (refused !== null) return fail(refused);
    const latest =
      this.#latest !== null && this.#latest.size === head.size ? this.#latest : await this.#sign(head);
    if (openFrom > this.#openFrom) {
      await this.#place.store.setOpenFrom(openFrom);
      this.#openFrom = openFrom;
    }
    return ok(latest);
  }

  // INVARIANT: a tree that is smaller than or differs from one that was signed is never signed.
  #refusal(head: LogHead): string | null {
    if (!isWellFormedHead(head)) return "the stored head is damaged; run `portcullis audit verify`";
    if (this.#latest === null || continuesHead(this.#latest, head)) return null;
    return `the stored log (${head.size} entries) does not continue the tree of ${this.#latest.size} entries that was signed; run \`portcullis audit verify\``;
  }

  async #sign(head: LogHead): Promise<StoredCheckpoint> {
    const { store, signer, headFile, clock } = this.#place;
    const root = rootOf(head);
    const note = signCheckpoint(signer, head.size, root);
    const checkpoint = { size: head.size, time: clock.now(), root, note, frontier: head.frontier };
    // The head outside comes first: whoever reads a checkpoint from the store can rely on it being remembered there.
    // A crash in between leaves it ahead of the store's checkpoint and never ahead of the entries.
    await replaceFile(headFile, note, 0o644);
    await store.putCheckpoint(checkpoint);
    this.#latest = checkpoint;
    return checkpoint;
  }
}
