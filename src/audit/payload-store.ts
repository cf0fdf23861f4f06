// Where what must be erasable lives: who a pseudonym stands for, and encrypted payloads. Kept apart from the leaves.

export type SubjectKind = "application" | "user" | "operator";

export interface Subject {
  /** Random, for example `sub_…`; the only name of a person that a leaf holds. */
  readonly id: string;
  readonly kind: SubjectKind;
  /** HMAC of kind and name under a key of ours, so that the same name finds the same subject. */
  readonly lookup: Uint8Array;
  /** The name, encrypted under the subject's key. */
  readonly name: Uint8Array;
  /** The subject's data key with its id, wrapped by the key-encryption key (`data-keys.ts`). */
  readonly wrappedKey: Uint8Array;
}

export interface Payload {
  readonly entryId: string;
  readonly subject: string;
  readonly field: string;
  /** AES-256-GCM under the subject's key; AAD binds entry, subject and field. */
  readonly ciphertext: Uint8Array;
}

/** Values that show at start whether the keys at hand are those that the data was sealed under. */
export interface KeyCheckStore {
  /** What is kept under this name, or null. */
  keyCheck(name: string): Promise<Uint8Array | null>;
  /** Keeps the value unless there is one under this name, and returns the one that is kept. Safe to race. */
  ensureKeyCheck(name: string, value: Uint8Array): Promise<Uint8Array>;
}

/** What is kept of an entry. */
export interface KeptEntry {
  readonly entryId: string;
  /** Of all its fields together. */
  readonly bytes: number;
}

export interface PayloadStore extends KeyCheckStore {
  /** Stores the subject unless one with the same lookup exists, and returns the one that is stored. Safe to race. */
  ensureSubject(subject: Subject): Promise<Subject>;
  subjectByLookup(lookup: Uint8Array): Promise<Subject | null>;
  subjectById(id: string): Promise<Subject | null>;
  putPayloads(payloads: readonly Payload[]): Promise<void>;
  payloadsOf(entryId: string): Promise<readonly Payload[]>;
  /**
   * Entries with payload, `after` < id < `before`, in the order of their ids (compared byte by byte, so by time): the first
   * 100 of them.
   */
  keptEntries(after: string, before: string): Promise<readonly KeptEntry[]>;
  /** Removes what is kept of these entries, all of it or none; of one that has nothing, nothing. At most 1,000 ids. */
  removePayloads(entryIds: readonly string[]): Promise<void>;
}
