// The headers that tell a client what the gate did with its call.

import type { DeterminingPolicy, Refusal } from "../core/refusal.ts";
import type { Decision } from "../policy/decision.ts";
import { targetId } from "./call.ts";
import type { CallRun } from "./call-run.ts";
import type { AnswerHeaders } from "./client-channel.ts";

/** As many as a header line can name without growing past what proxies allow. */
const maxPolicies = 20;

export function callHeaders(call: string): AnswerHeaders {
  return { "x-portcullis-call": call };
}

export function decisionHeaders(
  call: string,
  decision: Pick<Decision, "outcome" | "policies" | "revision">,
): AnswerHeaders {
  return {
    "x-portcullis-call": call,
    "x-portcullis-decision": decision.outcome,
    "x-portcullis-policy-revision": decision.revision,
    ...policyHeaders(decision.policies),
  };
}

export function policyHeaders(policies: readonly DeterminingPolicy[]): AnswerHeaders {
  if (policies.length === 0) return {};
  const named = policies.slice(0, maxPolicies);
  return {
    "x-portcullis-policies": named.map((policy) => headerText(policy.id)).join(", "),
    "x-portcullis-reasons": named
      .map((policy) => headerText(policy.reason))
      .join("; ")
      .slice(0, 2000),
  };
}

/** The headers of a call whose answer is withheld: what policy says of the answer takes the place of what it said of the call. */
export function withheldHeaders(headers: AnswerHeaders, refusal: Refusal): AnswerHeaders {
  const others = Object.entries(headers).filter(([name]) => !policyHeaderNames.has(name));
  return {
    ...Object.fromEntries(others),
    "x-portcullis-decision": "deny",
    ...("policies" in refusal ? policyHeaders(refusal.policies) : {}),
  };
}

const policyHeaderNames: ReadonlySet<string> = new Set(["x-portcullis-policies", "x-portcullis-reasons"]);

/** What is known once a provider has answered. */
export function servedHeaders(run: CallRun): AnswerHeaders {
  if (run.target === null) return {};
  const overhead = performance.now() - run.call.arrivedAt - run.upstreamMs;
  return {
    "x-portcullis-model": headerText(targetId(run.target)),
    "x-portcullis-overhead-ms": Math.max(0, overhead).toFixed(1),
  };
}

/** Printable ASCII as it is, everything else percent-encoded: a header cannot carry other text. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, (other) => encodeURIComponent(other.toWellFormed()));
}
