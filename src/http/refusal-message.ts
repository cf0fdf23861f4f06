// A refusal in words. Lowercase, without secrets; what to do next stands in refusal-classes.ts.

import type { DeterminingPolicy, PickUp, Refusal } from "../core/refusal.ts";

export function refusalMessage(refusal: Refusal): string {
  switch (refusal.reason) {
    case "missing_api_key":
      return "this request has no API key";
    case "conflicting_credentials":
      return "this request holds more than one API key";
    case "invalid_api_key":
      return "this API key is not valid";
    case "too_many_failed_keys":
      return "too many requests with keys that are not valid came from this address";
    case "unknown_route":
      return unknownRouteMessage(refusal.method, refusal.path);
    case "unsupported_media_type":
      return refusal.detail;
    case "body_too_large":
      return `the request body is larger than ${refusal.limitBytes} bytes`;
    case "invalid_json":
      return `the request body is not strict JSON: ${refusal.detail}${refusal.offset === null ? "" : ` at byte ${refusal.offset}`}`;
    case "invalid_request":
    case "undescribable":
      return refusal.detail;
    case "model_not_found":
      return `the model \`${refusal.model}\` does not exist here`;
    case "policy_denied":
      return `${denialMessage(refusal.policies, refusal.detail)}${leftMessage(refusal.pickUp)}`;
    case "rate_limited":
      return `a limit is reached: ${reasonsOf(refusal.policies)}`;
    case "policy_error":
      return `a policy could not be evaluated, so this call is denied: ${refusal.detail}`;
    case "approval_required":
      return refusal.pickUp === undefined
        ? approvalMessage(refusal.tools, refusal.signOffs, refusal.policies)
        : ownApprovalMessage(refusal.pickUp, refusal.signOffs, refusal.policies);
    case "idempotency_conflict":
      return "the `Idempotency-Key` of this request was that of another, which waits or waited for a sign-off";
    case "approval_pending":
      return `this waits for a sign-off: ${refusal.location}`;
    case "approval_not_found":
      return `there is no approval \`${refusal.approval}\` of this application`;
    case "approval_decided":
      return `the approval \`${refusal.approval}\` is ${refusal.state} already`;
    case "approval_refused":
      return refusal.detail;
    case "tool_call_denied":
      return `the model proposed ${quoted(refusal.tools)}, which is not permitted: ${refusal.detail}`;
    case "provider_unavailable":
      return `the provider \`${refusal.provider}\` is not available: ${refusal.detail}`;
    case "circuit_open":
      return `\`${refusal.model}\` of the provider \`${refusal.provider}\` failed too often lately and is not asked for now`;
    case "upstream_unreachable":
      return `the provider \`${refusal.provider}\` cannot be reached: ${refusal.detail}`;
    case "upstream_timeout":
      return `the provider \`${refusal.provider}\` did not answer in time: ${refusal.detail}`;
    case "upstream_invalid":
      return `the answer of the provider \`${refusal.provider}\` cannot be used: ${refusal.detail}`;
    case "upstream_too_large":
      return `the answer of the provider \`${refusal.provider}\` is larger than ${refusal.limitBytes} bytes`;
    case "overloaded":
      return "the gateway has as many calls as it can work on";
    case "draining":
      return "the gateway is shutting down";
    case "answer_unrecorded":
      return "the answer cannot be put on record, so it is not passed on";
    case "trail_unavailable":
      return "the call cannot be put on record, so it is not made";
    case "internal":
      return "the gateway met a fault of its own";
    case "client_closed":
      return "the client closed the connection";
  }
}

function approvalMessage(
  tools: readonly string[],
  signOffs: readonly string[],
  policies: readonly DeterminingPolicy[],
): string {
  const what = tools.length === 0 ? "this call" : `the tool call the model proposed (${quoted(tools)})`;
  const reasons = policies.length === 0 ? "" : `: ${reasonsOf(policies)}`;
  return `${what} needs a sign-off (${signOffs.join(", ")})${reasons}`;
}

function denialMessage(policies: readonly DeterminingPolicy[], detail: string | null): string {
  if (policies.length > 0) return `policy denies this call: ${reasonsOf(policies)}`;
  return `no policy permits this call${detail === null ? "" : `: ${detail}`}`;
}

function leftMessage(pickUp: PickUp | undefined): string {
  return pickUp === undefined ? "" : "; so it does not get what was left waiting before it";
}

/** Of a call that would get what waited, if its own request did not need to be signed off. */
function ownApprovalMessage(
  pickUp: PickUp,
  signOffs: readonly string[],
  policies: readonly DeterminingPolicy[],
): string {
  const reasons = policies.length === 0 ? "" : ` (${reasonsOf(policies)})`;
  const needs = `needs a sign-off by ${signOffs.join(", ")} itself${reasons}`;
  return pickUp === "retry"
    ? `this request ${needs}, of which not all is given that counts today; so it does not get what its answer proposed; change the request to have it asked for anew`
    : `this message ${needs}, so it does not get what was left waiting before it; send the request before it again, unchanged, to get that`;
}

function unknownRouteMessage(method: string, path: string): string {
  const offered = "POST /v1/chat/completions, POST /v1/embeddings, GET /v1/models, GET /v1/models/{id}";
  return `there is no \`${method} ${path}\` here; this gateway serves ${offered}`;
}

function reasonsOf(policies: readonly DeterminingPolicy[]): string {
  return policies.map((policy) => `${policy.reason} (${policy.id})`).join("; ");
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
