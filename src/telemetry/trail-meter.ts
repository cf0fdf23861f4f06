// Times what goes to the trail, and tells how long the oldest entry without a signed checkpoint has waited for one.

import type { TrailFamilies } from "./trail-families.ts";

export interface SealedTrail {
  /** The newest checkpoint, or null; its time is in milliseconds since the epoch. */
  readonly checkpoint: { readonly size: number; readonly time: number } | null;
}

export class TrailMeter {
  readonly #families: TrailFamilies;
  readonly #trail: SealedTrail;
  readonly #now: () => number;
  readonly #append: ReturnType<TrailFamilies["append"]["with"]>;
  readonly #group: ReturnType<TrailFamilies["group"]["with"]>;
  #waiting = 0;
  #inGroup = 0;
  /** How many entries are durable, and when the first came that the checkpoint of then did not hold. */
  #size = 0;
  #since = 0;

  constructor(families: TrailFamilies, trail: SealedTrail, now: () => number) {
    this.#families = families;
    this.#trail = trail;
    this.#now = now;
    this.#append = families.append.with();
    this.#group = families.group.with();
    families.failures.with();
  }

  /** Appends that are under way. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Runs `append`, whose receipt tells how large the trail is with these entries. */
  async timed<Receipt extends { readonly size: number }>(
    entries: number,
    append: () => Promise<Receipt>,
  ): Promise<Receipt> {
    const began = performance.now();
    this.#waiting += 1;
    try {
      const receipt = await append();
      this.#append.observe((performance.now() - began) / 1000);
      this.#durable(entries, receipt.size);
      return receipt;
    } catch (fault) {
      this.#families.failures.with().add();
      throw fault;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Seconds for which the oldest entry has been without a checkpoint, at most; 0 when none is. */
  get unsealedSeconds(): number {
    const { checkpoint } = this.#trail;
    if (this.#size <= (checkpoint?.size ?? 0)) return 0;
    return Math.max(0, this.#now() - Math.max(this.#since, checkpoint?.time ?? 0)) / 1000;
  }

  #durable(entries: number, size: number): void {
    if (this.#size <= (this.#trail.checkpoint?.size ?? 0)) this.#since = this.#now();
    if (size > this.#size) this.#size = size;
    // What one commit made durable is told in one go, before anything else gets its turn.
    if (this.#inGroup === 0) {
      setImmediate(() => {
        this.#group.observe(this.#inGroup);
        this.#inGroup = 0;
      });
    }
    this.#inGroup += entries;
  }
}
