// How calls are watched by whoever counts, times and traces them. Watching decides nothing, never throws and is never waited
// for: a call goes the same way whether anybody looks or not.

import type { Result } from "../core/result.ts";
import type { Decision } from "../policy/decision.ts";
import type { ProviderAnswer, ProviderFailure } from "../providers/provider.ts";
import type { IdentifiedCall, IncomingCall, Target } from "./call.ts";
import type { CallRun, Completion } from "./call-run.ts";
import type { CallSteps } from "./call-steps.ts";

export interface CallWatch {
  /** What follows this call step by step; null for one that is not followed. */
  begins(call: IncomingCall): CallSteps | null;
  /** Policy has decided about the call to this target; it was asked at `since` (`performance.now()`). */
  decided(call: IdentifiedCall, target: Target, decision: Decision, since: number): void;
  /** Policy has decided about a tool call that the answer proposes. */
  decidedAction(call: IdentifiedCall, decision: Decision): void;
  /** A request is about to leave. */
  leaves(run: CallRun, target: Target): void;
  /** Its answer has come or begun, or it has failed. */
  answered(run: CallRun, target: Target, answer: Result<ProviderAnswer, ProviderFailure>): void;
  /** The call has ended, on record or (`reason` says so) not. */
  ended(run: CallRun, completion: Completion, costMicroUsd: number | null): void;
  /** A call that could not be described was refused, on record. */
  undescribed(call: IdentifiedCall, reason: string, status: number): void;
  /** Nothing more happens with this call. */
  over(call: IdentifiedCall): void;
}

/** Nobody looks. */
export const unwatched: CallWatch = {
  begins: () => null,
  decided: () => {},
  decidedAction: () => {},
  leaves: () => {},
  answered: () => {},
  ended: () => {},
  undescribed: () => {},
  over: () => {},
};
