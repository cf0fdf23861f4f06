// What one try at a target came to, and what may follow it while nothing has gone to the client.

import type { Result } from "../core/result.ts";
import type { ProviderAnswer, ProviderFailure } from "../providers/provider.ts";
import type { TryOutcome } from "../providers/target-health.ts";

export interface CircuitOpen {
  readonly reason: "circuit_open";
  readonly retryAfterMs: number;
}

export type Tried = Result<ProviderAnswer, ProviderFailure | CircuitOpen>;

/** `again`: the same target may be asked once more, else the next one. `answer`: this is what the client is told. */
export type Next = "again" | "elsewhere" | "answer";

/** Statuses after which the same upstream may well take the same request. */
const transientStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/**
 * `acts`: the request makes its provider act. What it does must not be done twice, so that another try follows only when
 * nothing had left or the upstream says that it did not begin.
 */
export function nextAfter(tried: Tried, acts: boolean): Next {
  if (tried.ok) {
    const { status } = tried.value;
    if (acts && status !== 429) return "answer";
    if (transientStatuses.has(status)) return "again";
    return status >= 500 ? "elsewhere" : "answer";
  }
  const { failure } = tried;
  if (failure.reason === "circuit_open") return "elsewhere";
  if (acts && failure.unsent !== true) return "answer";
  switch (failure.reason) {
    case "unavailable":
    case "unreachable":
    case "timeout":
      return failure.transient === true ? "again" : "elsewhere";
    case "invalid":
    case "too_large":
    case "cancelled":
      return "answer";
  }
}

/**
 * What it says of the target's health. Whatever a client brings about by leaving or by asking for too much says nothing, and
 * neither does a call whose time is up when earlier tries have had a part of it.
 */
export function healthAfter(tried: Result<ProviderAnswer, ProviderFailure>, hadAllTime: boolean): TryOutcome {
  if (tried.ok) return tried.value.status >= 500 ? "failed" : "answered";
  switch (tried.failure.reason) {
    case "timeout":
      return tried.failure.callOver === true && !hadAllTime ? "unknown" : "failed";
    case "unreachable":
    case "invalid":
      return "failed";
    case "too_large":
      return "answered";
    case "unavailable":
    case "cancelled":
      return "unknown";
  }
}
