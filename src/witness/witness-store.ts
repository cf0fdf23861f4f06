// What a witness remembers of each log. Implemented by storage/.

/** The latest checkpoint of a log that was cosigned. */
export interface WitnessedHead {
  readonly size: number;
  readonly root: Uint8Array;
  /** Of the cosignature, in seconds since the epoch. */
  readonly time: number;
  /** The checkpoint with the signature of the log that was verified, and the cosignature. */
  readonly note: string;
}

export interface WitnessStore {
  /** Null for a log of which nothing was cosigned. */
  head(origin: string): Promise<WitnessedHead | null>;

  /**
   * Puts `next` in the place of `last`, which `head` gave, and resolves when that is durable (fsync returned); false, and
   * nothing is changed, when another one stands there meanwhile. Of two that race, one wins. Rejects when it cannot be kept:
   * then it may stand there or not, and the next `head` tells.
   */
  advance(origin: string, last: WitnessedHead | null, next: WitnessedHead): Promise<boolean>;

  /** The latest time of all cosignatures, or 0. */
  latestTime(): Promise<number>;

  /** No time is later than this from now on. */
  resetTimes(time: number): Promise<void>;

  close(): Promise<void>;
}
