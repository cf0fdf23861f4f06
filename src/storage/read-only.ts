// A database that is open for reading only: `audit verify` looks at a running gateway's, or at a copy.

import type { LogStore } from "../audit/log-store.ts";
import type { PayloadStore } from "../audit/payload-store.ts";
import type { RevisionStore } from "../policy/revision-store.ts";

/** Every method that writes throws. To be closed. */
export interface ReadOnlyRecord {
  readonly log: LogStore;
  readonly payloads: PayloadStore;
  readonly revisions: RevisionStore;
  close(): Promise<void> | void;
}

export function writable<Side>(side: Side | null): Side {
  if (side === null) throw new TypeError("this database is open for reading only");
  return side;
}
