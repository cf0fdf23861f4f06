// Step 5: what policy says of the call to one concrete model, and of every request field that makes the provider act.

import { calendarWindows, windowEnd } from "../../core/calendar-window.ts";
import type { DeterminingPolicy, Refusal } from "../../core/refusal.ts";
import type { CounterValues } from "../../policy/counter-facts.ts";
import type { Decision, Verdict } from "../../policy/decision.ts";
import { type DescribedCall, type Target, targetId } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

interface WordedDecision extends Decision {
  /** What was asked for and not permitted, in words; null when everything is. */
  readonly detail: string | null;
}

export interface CallDecision extends WordedDecision {
  /** Where the counters stood that policies read; null when they read none. */
  readonly counters: CounterValues | null;
}

/** What a decision rests on besides its target. */
export interface DecidableCall extends Pick<DescribedCall, "endpoint" | "facts"> {
  readonly application: Pick<DescribedCall["application"], "name">;
  readonly request: Pick<DescribedCall["request"], "features">;
}

/** The strictest of all answers: a deny beats a hold beats a permit. */
export function decide(
  parts: Pick<GatewayParts, "policy">,
  call: DecidableCall,
  target: Target,
  counters: CounterValues | null = null,
  /** Sign-offs for exactly this. */
  given: readonly string[] = [],
): CallDecision {
  const model = targetId(target);
  const principal = { id: call.application.name };
  const action = call.endpoint === "chat" ? "chat" : "embed";
  const facts = counters === null ? call.facts : { ...call.facts, counters };
  const may = parts.policy.decide({ action, principal, model, context: facts }, given);
  let strictest = worded(may, `application \`${call.application.name}\` may not ${action} with \`${model}\``);
  for (const feature of call.request.features) {
    const decision = parts.policy.decide(
      { action: "use_feature", principal, model, context: { ...facts, feature } },
      given,
    );
    const next = worded(decision, `\`${feature}\` may make the provider act and needs its own permit`);
    strictest = { ...stricter(strictest, next), shadow: strictestShadow(strictest, next) };
  }
  return { ...strictest, counters };
}

/** Where only one of them has shadows, the other would have been decided as it was. */
function strictestShadow(one: WordedDecision, other: WordedDecision): Verdict | null {
  if (one.shadow === null && other.shadow === null) return null;
  return stricter<Verdict>(one.shadow ?? one, other.shadow ?? other);
}

/** `at` is the call's time, which says in which windows it was decided. */
export function decisionRefusal(decision: CallDecision, at: number): Refusal {
  if (decision.error !== null) {
    return { reason: "policy_error", policies: decision.policies, detail: decision.error };
  }
  if (decision.outcome === "hold") {
    return {
      reason: "approval_required",
      signOffs: decision.signOffs,
      policies: decision.policies,
      tools: [],
    };
  }
  const { policies, detail, until } = decision;
  if (until === undefined) return { reason: "policy_denied", policies, detail };
  const retryAfterSeconds = Math.ceil((windowEnd(until, at) - at) / 1000);
  return { reason: "rate_limited", policies, retryAfterSeconds };
}

const strictness = { permit: 0, hold: 1, deny: 2 } as const;

function stricter<Decided extends Verdict>(one: Decided, other: Decided): Decided {
  if (one.outcome === "hold" && other.outcome === "hold") {
    return {
      ...one,
      policies: union(one.policies, other.policies),
      signOffs: [...new Set([...one.signOffs, ...other.signOffs])],
    };
  }
  if (one.outcome === "permit" && other.outcome === "permit") {
    return { ...one, policies: union(one.policies, other.policies) };
  }
  if (one.outcome === "deny" && other.outcome === "deny") return lastsLonger(other, one) ? other : one;
  return strictness[other.outcome] > strictness[one.outcome] ? other : one;
}

/** Of two denies that which no waiting lifts, or not as soon, so that a client is not told to come back in vain. */
function lastsLonger(one: Verdict, other: Verdict): boolean {
  if (other.until === undefined) return false;
  return one.until === undefined || calendarWindows.indexOf(one.until) > calendarWindows.indexOf(other.until);
}

function union(one: readonly DeterminingPolicy[], other: readonly DeterminingPolicy[]): DeterminingPolicy[] {
  return [...new Map([...one, ...other].map((policy) => [policy.id, policy])).values()];
}

function worded(decision: Decision, detail: string): WordedDecision {
  return { ...decision, detail: decision.outcome === "permit" ? null : detail };
}
