// Where several instances write one log at the same time: how they keep out of each other's way, and clear up after one
// that is gone. Implemented by storage/ where it is so.

/** An instance that writes nothing more and may have left calls open. */
export interface LeftInstance {
  readonly instance: string;
  /** No call of it that is open has an entry below. */
  readonly openFrom: number;
}

export interface PeerStore {
  /**
   * Makes this instance the one that signs, whoever it was before. `LogStore.putCheckpoint` of any other rejects from then
   * on with `NotSigningError`. Whoever takes over writing signs too.
   */
  takeSigning(): Promise<void>;

  /** Whether there is somebody who signs: false once that instance has left or was fenced. */
  hasSigner(): Promise<boolean>;

  /**
   * Instances that left or were fenced, for this instance to complete what they left open. Nobody else is given them while
   * this one can write, and it is given them again until it has settled them.
   */
  claimLeft(): Promise<readonly LeftInstance[]>;

  /** Whether this instance has left, was fenced, or never was: it does nothing any more. */
  hasEnded(instance: string): Promise<boolean>;

  /** All that it left open is completed. */
  settle(instance: string): Promise<void>;

  /** Leaves: every write rejects with `FencedError`, and another instance may claim what is open. */
  leave(): Promise<void>;
}

/** Another instance signs now. */
export class NotSigningError extends Error {
  override readonly name = "NotSigningError";
}
