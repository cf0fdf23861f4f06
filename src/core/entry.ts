// An entry of the trail on its way to the log. It lives in core because a state change and its entry commit in one
// transaction: every store method that changes state takes the entry that says so.

/** An encoded leaf and what must be kept beside it. Shape of the leaf: `verify/src/leaves/leaf-schema.ts`. */
export interface EncodedEntry {
  /** UUIDv7 of the entry; also the `id` inside the leaf. */
  readonly id: string;
  /** Canonical JSON, at most 65,535 bytes. Hashed, stored and served as these very bytes. */
  readonly leaf: Uint8Array;
  /** What the leaf's commitments rest on, or null when the leaf holds none. Kept apart from the leaf so that it can be erased. */
  readonly salt: EntrySalt | null;
}

export interface EntrySalt {
  /** 32 random bytes; the salt of a field is derived from it (`verify/src/leaves/commitment.ts`). */
  readonly bytes: Uint8Array;
  /** Pseudonymous subject whose erasure takes this salt with it. */
  readonly subject: string;
}
