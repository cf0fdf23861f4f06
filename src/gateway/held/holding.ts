// What the pipeline needs so that calls and actions can wait for people.

import type { ApprovalDesk } from "../../approvals/desk.ts";
import type { SecretValue } from "../../core/secret-value.ts";
import type { HeartbeatTimes } from "./heartbeat.ts";

export type OnReject = "message" | "reprompt" | "error";

export interface WaitingTerms extends HeartbeatTimes {
  /** Milliseconds that a client waits at most where it does not say how long it can. */
  readonly waitMs: number;
  readonly onReject: OnReject;
}

export interface Holding {
  readonly desk: ApprovalDesk;
  /** Signs resume markers. */
  readonly markerKey: SecretValue;
  /** Where people decide on this approval. */
  link(approval: string): string;
  /** Who an operator is; null when erased. */
  operatorName(id: string): Promise<string | null>;
  /** Names of people who stand behind a key, and who therefore do not decide on what it asks for. */
  behind(application: string, keyId: string | null): Requesters;
  /** Whether what the call was made with is still valid. Throws while it is not known what other gateways have ended. */
  stands(application: string, keyId: string | null): boolean;
}

export interface Requesters {
  readonly names: readonly string[];
  /** Pseudonym of the operator who made the key, or null. */
  readonly keyCreator: string | null;
}
