// What a provider failure means to the client and to the call's completion.

import type { Refusal } from "../core/refusal.ts";
import type { ProviderFailure } from "../providers/provider.ts";
import type { Target } from "./call.ts";
import type { CallOutcome } from "./call-run.ts";
import type { CircuitOpen } from "./try-outcome.ts";

export function providerRefusal(
  provider: string,
  failure: Pick<ProviderFailure, "reason" | "detail">,
  limitBytes: number,
): Refusal {
  const { detail } = failure;
  switch (failure.reason) {
    case "unavailable":
      return { reason: "provider_unavailable", provider, detail };
    case "unreachable":
      return { reason: "upstream_unreachable", provider, detail };
    case "timeout":
      return { reason: "upstream_timeout", provider, detail };
    case "invalid":
      return { reason: "upstream_invalid", provider, detail };
    case "too_large":
      return { reason: "upstream_too_large", provider, limitBytes };
    case "cancelled":
      return { reason: "client_closed" };
  }
}

/** What a try at a target that came to no answer means to the client. */
export function triedRefusal(
  target: Target,
  failure: ProviderFailure | CircuitOpen,
  limitBytes: number,
): Refusal {
  if (failure.reason !== "circuit_open") return providerRefusal(target.provider, failure, limitBytes);
  const retryAfterSeconds = Math.max(1, Math.ceil(failure.retryAfterMs / 1000));
  return { reason: "circuit_open", provider: target.provider, model: target.model, retryAfterSeconds };
}

export function outcomeOf(refusal: Refusal): CallOutcome {
  switch (refusal.reason) {
    case "provider_unavailable":
    case "circuit_open":
    case "upstream_unreachable":
      return "upstream_unreachable";
    case "upstream_timeout":
      return "upstream_timeout";
    case "upstream_invalid":
    case "upstream_too_large":
      return "upstream_invalid";
    case "client_closed":
      return "client_closed";
    case "internal":
    case "trail_unavailable":
    case "answer_unrecorded":
      return "internal_error";
    case "tool_call_denied":
      return "withheld";
    default:
      return "refused";
  }
}
