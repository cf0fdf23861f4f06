// Where activated policy revisions are kept, so that a decision can be evaluated again years later. Implemented by storage/.

import type { EncodedEntry } from "../core/entry.ts";

/** Everything that a revision's hash covers. */
export interface RevisionRecord {
  /** SHA-256, hex. */
  readonly revision: string;
  /** Policy text by file name, the generated schema, sign-offs and entities, as canonical JSON. */
  readonly content: string;
  readonly activatedAt: number;
}

export interface RevisionStore {
  /** The active revision, or null before the first activation. */
  active(): Promise<string | null>;
  /** Keeps the revision (once per hash) and makes it the active one, with its entry, in one transaction. */
  activate(record: RevisionRecord, entry: EncodedEntry): Promise<void>;
  byRevision(revision: string): Promise<RevisionRecord | null>;
}
