// Watching calls, from the parts that count and trace. Neither knows of the gate; what happens there is put into their
// words here.

import type { Result } from "../core/result.ts";
import type { IdentifiedCall, IncomingCall, Target } from "../gateway/call.ts";
import type { CallRun, Completion } from "../gateway/call-run.ts";
import type { CallSteps } from "../gateway/call-steps.ts";
import type { CallWatch } from "../gateway/call-watch.ts";
import type { Decision } from "../policy/decision.ts";
import type { ProviderAnswer, ProviderFailure } from "../providers/provider.ts";
import type { CallMeter, DecisionReason, Operation } from "../telemetry/call-meter.ts";
import type { CallTrace } from "../telemetry/call-trace.ts";
import { FollowedCall } from "./followed-call.ts";

export interface WatchParts {
  /** Null when nobody counts. */
  readonly meter: CallMeter | null;
  /** Null when nobody traces. */
  readonly tracer: { begin(traceparent: string | null, arrivedAt: number): CallTrace | null } | null;
  /** The model as the config names it, or `other`: span names are kept to what is known. */
  readonly knownModel: (target: Target) => string;
}

export class CountedCalls implements CallWatch {
  readonly #parts: WatchParts;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  begins(call: IncomingCall): CallSteps | null {
    const { tracer, knownModel } = this.#parts;
    const trace = tracer?.begin(onlyValue(call.headers["traceparent"]), call.arrivedAt) ?? null;
    return trace === null ? null : new FollowedCall(trace, knownModel);
  }

  decided(call: IdentifiedCall, target: Target, decision: Decision, since: number): void {
    this.#parts.meter?.decided("call", call.application.name, decision.outcome, reasonOf(decision));
    followed(call)?.decided(target, decision, since);
  }

  decidedAction(call: IdentifiedCall, decision: Decision): void {
    this.#parts.meter?.decided("action", call.application.name, decision.outcome, reasonOf(decision));
  }

  leaves(run: CallRun, target: Target): void {
    followed(run.call)?.leaves(run, target);
  }

  answered(run: CallRun, target: Target, answer: Result<ProviderAnswer, ProviderFailure>): void {
    const error = errorOf(answer);
    if (error === null) return;
    followed(run.call)?.failed(error);
    // Whose client has left has not failed.
    if (error === "cancelled") return;
    const seconds = (run.returnedAt - run.leftAt) / 1000;
    this.#parts.meter?.answered(operationOf(run.call), target, seconds, error);
  }

  ended(run: CallRun, completion: Completion, costMicroUsd: number | null): void {
    const { meter } = this.#parts;
    if (meter !== null) this.#count(meter, run, completion, costMicroUsd);
    followed(run.call)?.ended(run, completion);
  }

  undescribed(call: IdentifiedCall, reason: string, status: number): void {
    this.#parts.meter?.ended({
      operation: operationOf(call),
      application: call.application.name,
      outcome: "refused",
      target: null,
      seconds: (performance.now() - call.arrivedAt) / 1000,
      secondsToFirstByte: null,
      inputTokens: 0,
      outputTokens: 0,
      costMicroUsd: null,
    });
    followed(call)?.undescribed(call, reason, status);
  }

  over(call: IdentifiedCall): void {
    followed(call)?.over(call);
  }

  #count(meter: CallMeter, run: CallRun, completion: Completion, costMicroUsd: number | null): void {
    const { call, target, leftAt } = run;
    const operation = operationOf(call);
    const { outcome, usage } = completion;
    meter.ended({
      operation,
      application: call.application.name,
      outcome,
      target,
      seconds: (performance.now() - call.arrivedAt) / 1000,
      secondsToFirstByte: run.firstByteAt === null ? null : (run.firstByteAt - call.arrivedAt) / 1000,
      inputTokens: usage.input_tokens,
      outputTokens: usage.output_tokens,
      costMicroUsd,
    });
    // Withheld from a stream under way: the client was told in its last events, and not by a refusal.
    if (outcome === "withheld" && run.firstByteAt !== null && completion.reason !== null)
      meter.refused(completion.reason);
    if (target === null || !run.answered) return;
    if (run.firstChunkAt !== null) meter.firstChunk(operation, target, (run.firstChunkAt - leftAt) / 1000);
    if (outcome === "client_closed") return;
    meter.answered(operation, target, (run.returnedAt - leftAt) / 1000, answerError(completion));
  }
}

function followed(call: IdentifiedCall): FollowedCall | null {
  return call.steps instanceof FollowedCall ? call.steps : null;
}

function operationOf(call: IncomingCall): Operation {
  return call.endpoint === "chat" ? "chat" : "embeddings";
}

function reasonOf(decision: Decision): DecisionReason {
  if (decision.error !== null) return "error";
  if (decision.outcome === "permit") return "permitted";
  if (decision.outcome === "hold") return "held";
  return decision.policies.length === 0 ? "no_permit" : "forbidden";
}

/** Null for an answer that has come or begun well. */
function errorOf(answer: Result<ProviderAnswer, ProviderFailure>): string | null {
  if (!answer.ok) return answer.failure.reason;
  const { status } = answer.value;
  if (status === 429) return "status_429";
  if (status >= 500) return "status_5xx";
  return status >= 400 ? "status_4xx" : null;
}

/** What was wrong with an answer that had begun well; empty when nothing was. */
function answerError({ outcome, reason }: Completion): string {
  switch (outcome) {
    case "upstream_timeout":
      return "timeout";
    case "upstream_unreachable":
      return "unreachable";
    case "upstream_error":
    case "upstream_invalid":
      return reason === "upstream_too_large" ? "too_large" : "invalid";
    default:
      return "";
  }
}

/** The value of a header that stands once. */
function onlyValue(values: string | readonly string[] | undefined): string | null {
  if (typeof values === "string") return values;
  return values?.length === 1 ? (values[0] ?? null) : null;
}
