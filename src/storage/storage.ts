// The stores that a driver provides, together: they share one database, so that a change and its entry commit together.

import type { ApprovalStore } from "../approvals/approval-store.ts";
import type { LogStore } from "../audit/log-store.ts";
import type { PayloadStore } from "../audit/payload-store.ts";
import type { SealedSecretStore } from "../credentials/sealed-secret-store.ts";
import type { KeyStore } from "../identity/key-store.ts";
import type { OperatorStore } from "../identity/operator-store.ts";
import type { RevisionStore } from "../policy/revision-store.ts";
import type { CounterStore } from "../usage/counter-store.ts";
import type { UsageStore } from "../usage/usage-store.ts";

/** `which` names what has changed where that is known, as approvals by their holds; null: it may be anything. */
export type LookAtChanges = (which: readonly string[] | null) => Promise<void>;

/** What other gateways on the same data change. */
export interface ForeignChanges {
  /** Calls `look` once at first, and then soon after others have changed that: never two at a time, again when it rejects. */
  watch(what: "keys" | "operators" | "secrets" | "policies" | "approvals", look: LookAtChanges): void;
  /** Resolves when each was called once, or could not be. */
  start(): Promise<void>;
  /** Whether all has been looked at that others changed until a few seconds ago. */
  readonly current: boolean;
}

export interface Storage {
  /** Null where there are no others. */
  readonly changes: ForeignChanges | null;
  readonly log: LogStore;
  readonly payloads: PayloadStore;
  readonly keys: KeyStore;
  readonly operators: OperatorStore;
  readonly secrets: SealedSecretStore;
  readonly revisions: RevisionStore;
  readonly usage: UsageStore;
  readonly counters: CounterStore;
  readonly approvals: ApprovalStore;
  /** Pages that a write-ahead log of the driver's own keeps from the database; left out where there is none. */
  readonly walPages?: () => number;
  /** Waits for what is queued, then closes the files. */
  close(): Promise<void>;
}
