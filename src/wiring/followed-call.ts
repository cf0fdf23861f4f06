// A call that is traced: what happens to it as spans and attributes of OpenTelemetry's conventions for generative AI
// (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/). No content, no user, no names of tools.

import type { IdentifiedCall, Target } from "../gateway/call.ts";
import type { CallRun, Completion } from "../gateway/call-run.ts";
import type { CallSteps } from "../gateway/call-steps.ts";
import type { Decision } from "../policy/decision.ts";
import type { CallTrace } from "../telemetry/call-trace.ts";
import type { AttributeValue } from "../telemetry/span.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

export class FollowedCall implements CallSteps {
  readonly #trace: CallTrace;
  readonly #knownModel: (target: Target) => string;
  #decision: Decision | null = null;

  constructor(trace: CallTrace, knownModel: (target: Target) => string) {
    this.#trace = trace;
    this.#knownModel = knownModel;
  }

  get traceparent(): string {
    return this.#trace.traceparent;
  }

  decided(target: Target, decision: Decision, since: number): void {
    this.#decision = decision;
    const attributes = {
      ...targetAttributes(target),
      "portcullis.decision": decision.outcome,
      "portcullis.policies": decision.policies.map(({ id }) => id),
    };
    const error = decision.error === null ? null : "policy_error";
    this.#trace.step("decide", since, performance.now(), attributes, error);
  }

  recorded(entries: number, since: number, taken: boolean): void {
    const attributes = { "portcullis.entries": entries };
    this.#trace.step("record", since, performance.now(), attributes, taken ? null : "trail_unavailable");
  }

  leaves(run: CallRun, target: Target): void {
    const operation = operationOf(run.call);
    this.#trace.leave(`dispatch ${operation} ${this.#knownModel(target)}`, {
      "gen_ai.operation.name": operation,
      ...targetAttributes(target),
      "portcullis.dispatch": run.dispatch,
    });
  }

  returned(): void {
    this.#trace.returned(null);
  }

  /** The request under way. */
  failed(error: string): void {
    this.#trace.returned(error);
  }

  ended(run: CallRun, completion: Completion): void {
    const { call, target } = run;
    const { outcome } = completion;
    const operation = operationOf(call);
    const name = target === null ? operation : `${operation} ${this.#knownModel(target)}`;
    this.#trace.end(
      name,
      { ...this.#callAttributes(call), ...runAttributes(run), ...completionAttributes(completion) },
      isWell(outcome) ? null : (completion.reason ?? outcome),
    );
  }

  undescribed(call: IdentifiedCall, reason: string, status: number): void {
    const attributes = { "portcullis.outcome": "refused", "http.response.status_code": status };
    this.#trace.end(operationOf(call), { ...this.#callAttributes(call), ...attributes }, reason);
  }

  /** Does nothing when the call has ended in another way. */
  over(call: IdentifiedCall): void {
    this.#trace.end(operationOf(call), this.#callAttributes(call), "unrecorded");
  }

  #callAttributes(call: IdentifiedCall): Attributes {
    const decision = this.#decision;
    return {
      "gen_ai.operation.name": operationOf(call),
      "portcullis.call": call.id,
      "portcullis.application": call.application.name,
      ...(decision === null
        ? {}
        : { "portcullis.decision": decision.outcome, "portcullis.policy_revision": decision.revision }),
    };
  }
}

function operationOf(call: IdentifiedCall): "chat" | "embeddings" {
  return call.endpoint === "chat" ? "chat" : "embeddings";
}

function targetAttributes({ provider, model }: Target): Attributes {
  return { "gen_ai.provider.name": provider, "gen_ai.request.model": model };
}

/** That something waits, or was cut out because nobody signed it off, is no fault. */
function isWell(outcome: Completion["outcome"]): boolean {
  return outcome === "ok" || outcome === "partial" || outcome === "held";
}

function runAttributes({ call, target, sent, firstChunkAt, leftAt }: CallRun): Attributes {
  return {
    ...(target === null ? { "gen_ai.request.model": call.request.requestedModel } : targetAttributes(target)),
    ...(call.request.stream ? { "gen_ai.request.stream": true } : {}),
    ...(firstChunkAt === null
      ? {}
      : { "gen_ai.response.time_to_first_chunk": (firstChunkAt - leftAt) / 1000 }),
    "portcullis.dispatches": sent,
  };
}

function completionAttributes({
  outcome,
  status,
  servedModel,
  finishReasons,
  usage,
}: Completion): Attributes {
  return {
    "portcullis.outcome": outcome,
    "http.response.status_code": status,
    ...(servedModel === null ? {} : { "gen_ai.response.model": servedModel }),
    ...(finishReasons.length === 0 ? {} : { "gen_ai.response.finish_reasons": finishReasons }),
    ...(usage.source === "none"
      ? {}
      : {
          "gen_ai.usage.input_tokens": usage.input_tokens,
          "gen_ai.usage.output_tokens": usage.output_tokens,
          "gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens,
          "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
          "portcullis.usage_source": usage.source,
        }),
  };
}
