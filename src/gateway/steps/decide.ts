// Step 5: what policy says of the call to one concrete model, and of every request field that makes the provider act.

import type { DeterminingPolicy, Refusal } from "../../core/refusal.ts";
import type { Decision, Verdict } from "../../policy/decision.ts";
import { type DescribedCall, type Target, targetId } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

export interface CallDecision extends Decision {
  /** What was asked for and not permitted, in words; null when everything is. */
  readonly detail: string | null;
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
): CallDecision {
  const model = targetId(target);
  const principal = { id: call.application.name };
  const action = call.endpoint === "chat" ? "chat" : "embed";
  let strictest = worded(
    parts.policy.decide({ action, principal, model, context: call.facts }),
    `application \`${call.application.name}\` may not ${action} with \`${model}\``,
  );
  for (const feature of call.request.features) {
    const decision = parts.policy.decide({
      action: "use_feature",
      principal,
      model,
      context: { ...call.facts, feature },
    });
    const next = worded(decision, `\`${feature}\` may make the provider act and needs its own permit`);
    strictest = { ...stricter(strictest, next), shadow: strictestShadow(strictest, next) };
  }
  return strictest;
}

/** Where only one of them has shadows, the other would have been decided as it was. */
function strictestShadow(one: CallDecision, other: CallDecision): Verdict | null {
  if (one.shadow === null && other.shadow === null) return null;
  return stricter<Verdict>(one.shadow ?? one, other.shadow ?? other);
}

export function decisionRefusal(decision: CallDecision): Refusal {
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
  return { reason: "policy_denied", policies: decision.policies, detail: decision.detail };
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
  return strictness[other.outcome] > strictness[one.outcome] ? other : one;
}

function union(one: readonly DeterminingPolicy[], other: readonly DeterminingPolicy[]): DeterminingPolicy[] {
  return [...new Map([...one, ...other].map((policy) => [policy.id, policy])).values()];
}

function worded(decision: Decision, detail: string): CallDecision {
  return { ...decision, detail: decision.outcome === "permit" ? null : detail };
}
