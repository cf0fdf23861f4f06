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
  /** The subject's data key, wrapped by the key-encryption key. */
  readonly wrappedKey: Uint8Array;
}

export interface Payload {
  readonly entryId: string;
  readonly subject: string;
  readonly field: string;
  /** AES-256-GCM under the subject's key; AAD binds entry, subject and field. */
  readonly ciphertext: Uint8Array;
}

export interface PayloadStore {
  /** Stores the subject unless one with the same lookup exists, and returns the one that is stored. Safe to race. */
  ensureSubject(subject: Subject): Promise<Subject>;
  subjectByLookup(lookup: Uint8Array): Promise<Subject | null>;
  subjectById(id: string): Promise<Subject | null>;
  putPayloads(payloads: readonly Payload[]): Promise<void>;
  payloadsOf(entryId: string): Promise<readonly Payload[]>;
}
