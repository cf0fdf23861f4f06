// How calls end: the completion first, durably, and only then the last bytes to the client.

import type { EncodedEntry } from "../core/entry.ts";
import type { Refusal } from "../core/refusal.ts";
import { estimateOutputTokens } from "../facts/token-estimate.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import { type CallOutcome, type CallRun, type Completion, noUsage } from "./call-run.ts";
import type { AnswerHeaders, ClientChannel } from "./client-channel.ts";
import type { GatewayParts } from "./parts.ts";
import { outcomeOf } from "./provider-refusal.ts";
import { completionEntry } from "./steps/record-completion.ts";

/**
 * Records the end of the call, with the entries that belong before it in the same append. False when the trail cannot
 * take it: what was begun on record is then tried again, and the client must not be told of a success.
 */
export async function recordEnd(
  parts: GatewayParts,
  run: CallRun,
  completion: Completion,
  before: readonly EncodedEntry[] = [],
): Promise<boolean> {
  const entries = [...before, completionEntry(parts, run, completion)];
  try {
    await parts.trail.append(entries);
    run.decided = true;
    return true;
  } catch (fault) {
    parts.log.error({ call: run.call.id, fault: String(fault) }, "a completion could not be recorded");
    // A call that is not on record at all did not happen, and must not turn up later.
    if (run.decided) parts.late.add(entries);
    return false;
  }
}

/** Ends the call with a refusal: recorded, then told. */
export async function endRefused(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  refusal: Refusal,
  options: {
    readonly headers: AnswerHeaders;
    readonly outcome?: CallOutcome;
    readonly usage?: TokenUsage;
    readonly before?: readonly EncodedEntry[];
  },
): Promise<void> {
  const status = client.started ? 200 : parts.statusOf(refusal);
  const recorded = await recordEnd(
    parts,
    run,
    {
      outcome: options.outcome ?? outcomeOf(refusal),
      reason: refusal.reason,
      status,
      servedModel: null,
      finishReasons: [],
      usage: options.usage ?? noUsage,
      responseDigest: null,
      response: null,
    },
    options.before,
  );
  client.refuse(recorded ? refusal : { reason: "trail_unavailable" }, options.headers);
}

/** What the provider reports, else an estimate that says so. */
export function usageOf(run: CallRun, reported: TokenUsage | null, outputBytes: number): TokenUsage {
  if (reported !== null) return reported;
  return {
    input_tokens: run.call.facts.input_tokens,
    cached_input_tokens: 0,
    output_tokens: estimateOutputTokens(outputBytes),
    reasoning_tokens: 0,
    source: "estimate",
  };
}
