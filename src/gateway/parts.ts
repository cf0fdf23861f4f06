// What the pipeline works with. compose.ts fills it in; every step takes the parts it names and nothing else.

import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { Clock } from "../core/clock.ts";
import type { EncodedEntry, EntrySalt } from "../core/entry.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Result } from "../core/result.ts";
import type { ToolCatalog } from "../facts/tool-catalog.ts";
import type { DecisionPoint } from "../policy/decision.ts";
import type { ModelProvider } from "../providers/provider.ts";
import type { Router } from "../providers/routing.ts";
import type { UpstreamHealth } from "../providers/upstream-health.ts";
import type { PriceBook } from "../usage/price-book.ts";
import type { Reservations } from "../usage/reservations.ts";
import type { CallApplication, KeyHolder, RequestHeaders } from "./call.ts";
import type { CallWatch } from "./call-watch.ts";
import type { Holding, WaitingTerms } from "./held/holding.ts";
import type { LateCompletions } from "./late-completions.ts";

export interface Keys {
  identify(headers: RequestHeaders, sourceAddress: string): Result<KeyHolder, Refusal>;
}

/** Writing to the trail. `append` resolves when the entries are durable and rejects when they are not in the log. */
export interface TrailWriter {
  newSalt(subject: string): EntrySalt;
  encode(body: LeafBody, salt: EntrySalt | null): EncodedEntry;
  append(entries: readonly EncodedEntry[]): Promise<unknown>;
}

/** Pseudonyms. At once for a subject met before, else after it has been stored. */
export interface Subjects {
  userId(name: string): string | Promise<string>;
  applicationId(name: string): string | Promise<string>;
}

/** Keeps encrypted payload beside the trail, off the hot path. */
export interface PayloadKeeper {
  keep(entryId: string, subject: string, fields: Readonly<Record<string, Uint8Array>>): void;
}

export interface Limits {
  readonly body: number;
  readonly response: number;
  readonly depth: number;
  /** Tokens that an answer is expected to have at most when its request names no limit. */
  readonly assumed_output: number;
}

/** For faults that nobody is told of otherwise. Never given bodies or secrets. */
export interface FaultLog {
  error(detail: Readonly<Record<string, unknown>>, message: string): void;
}

export interface GatewayParts {
  readonly clock: Clock;
  readonly keys: Keys;
  readonly applications: ReadonlyMap<string, CallApplication>;
  readonly catalog: ToolCatalog;
  readonly router: Router;
  readonly providers: ReadonlyMap<string, ModelProvider>;
  readonly health: UpstreamHealth;
  readonly policy: DecisionPoint;
  readonly trail: TrailWriter;
  readonly subjects: Subjects;
  readonly payloads: PayloadKeeper;
  readonly prices: PriceBook;
  /** Asked only where policies read what was used. */
  readonly reservations: Pick<Reservations, "reserve" | "read" | "settle" | "release">;
  readonly limits: Limits;
  readonly log: FaultLog;
  /** HTTP status of a refusal, for the record: http/ owns the mapping. */
  readonly statusOf: (refusal: Refusal) => number;
  /** The refusal in words, for the record. */
  readonly messageOf: (refusal: Refusal) => string;
  /** Completions that could not be recorded when their call ended. */
  readonly late: LateCompletions;
  readonly watch: CallWatch;
  /** What waits for people. */
  readonly holding: Holding;
  readonly waiting: WaitingTerms;
  /** The parts that calls which begin now work with: what is released goes by them. */
  readonly inForce: () => GatewayParts;
}
