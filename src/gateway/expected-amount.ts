// The most that a call is expected to use, before anybody has been asked: what it reserves of the counters.

import type { Amount } from "../usage/counter-store.ts";
import { spentAmount } from "../usage/spent-amount.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import { type DescribedCall, type Target, targetId } from "./call.ts";
import type { GatewayParts } from "./parts.ts";

/** Beyond any model's answer. More would be no price at all, and so no spend. */
const mostOutput = 1_000_000_000;

export function expectedAmount(
  parts: Pick<GatewayParts, "prices" | "limits">,
  call: DescribedCall,
  target: Target,
): Amount {
  const usage: TokenUsage = {
    input_tokens: call.facts.input_tokens,
    cached_input_tokens: 0,
    output_tokens: Math.min(expectedOutput(call, parts.limits.assumed_output), mostOutput),
    reasoning_tokens: 0,
    source: "estimate",
  };
  const cost = parts.prices.cost(targetId(target), usage);
  return spentAmount({ sent: 1, usage, cost: cost === null ? null : cost.microUsd });
}

function expectedOutput({ request }: DescribedCall, assumed: number): number {
  return request.endpoint === "chat" ? (request.outputLimit ?? assumed) * request.n : 0;
}
