// How calls end: the completion first, durably, and only then the last bytes to the client.

import type { Refusal } from "../core/refusal.ts";
import { estimateOutputTokens } from "../facts/token-estimate.ts";
import { spentAmount } from "../usage/spent-amount.ts";
import type { TokenUsage } from "../usage/token-usage.ts";
import { targetId } from "./call.ts";
import { type CallOutcome, type CallRun, type Completion, noUsage, sumOf } from "./call-run.ts";
import { unwatched } from "./call-watch.ts";
import type { AnswerHeaders, ClientChannel } from "./client-channel.ts";
import type { GatewayParts } from "./parts.ts";
import { outcomeOf } from "./provider-refusal.ts";
import { type Recording, record } from "./recording.ts";
import { completionEntry } from "./steps/record-completion.ts";

/**
 * Records the end of the call, with the entries that belong before it in the same append. Null when it is durable. Otherwise
 * what the client is told in place of a success: a call that was begun on record is then completed later, as the failure
 * that it is, and what was decided of its answer is left out because nothing of it was released.
 */
export async function recordEnd(
  parts: GatewayParts,
  run: CallRun,
  lastTurn: Completion,
  before: readonly Recording[] = [],
): Promise<Refusal | null> {
  const completion = overAllTurns(run, lastTurn, before);
  run.markCompleted();
  try {
    await record(parts, [...before, completionEntry(parts, run, completion)], run.call.steps);
  } catch (fault) {
    parts.log.error({ call: run.call.id, fault: String(fault) }, "a completion could not be recorded");
    const refusal: Refusal = { reason: run.sent === 0 ? "trail_unavailable" : "answer_unrecorded" };
    const failed = failedCompletion(parts, run, completion, refusal);
    watchEnd(parts, run, failed);
    // A call that is not on record at all did not happen, and must not turn up later.
    if (run.decided) {
      parts.late.add([completionEntry(parts, run, failed).entry]);
    }
    return refusal;
  }
  // Behind the catch: whatever befalls these, the call is completed.
  run.decided = true;
  run.ended = true;
  if (run.reserved) settle(parts, run, completion.usage);
  watchEnd(parts, run, completion);
  return null;
}

/** A call whose model was asked again has used what all of its turns have, and something of it was rejected. */
function overAllTurns(run: CallRun, completion: Completion, before: readonly Recording[]): Completion {
  if (run.usageBefore === null) return completion;
  const usage = sumOf(run.usageBefore, completion.usage);
  const released = before.length > 0 ? "partial" : "withheld";
  const outcome = completion.outcome === "ok" ? released : completion.outcome;
  return { ...completion, usage, outcome };
}

function watchEnd(parts: GatewayParts, run: CallRun, completion: Completion): void {
  if (parts.watch === unwatched) return;
  const cost = run.target === null ? null : parts.prices.cost(targetId(run.target), completion.usage);
  parts.watch.ended(run, completion, cost?.microUsd ?? null);
}

function settle(parts: GatewayParts, run: CallRun, usage: TokenUsage): void {
  const cost = run.target === null ? null : parts.prices.cost(targetId(run.target), usage);
  const spent = spentAmount({ sent: run.sent, usage, cost: cost === null ? null : cost.microUsd });
  parts.reservations.settle(run.call.id, spent);
}

function failedCompletion(
  parts: GatewayParts,
  run: CallRun,
  completion: Completion,
  refusal: Refusal,
): Completion {
  return {
    outcome: "internal_error",
    reason: refusal.reason,
    status: run.firstByteAt === null ? parts.statusOf(refusal) : completion.status,
    servedModel: completion.servedModel,
    finishReasons: [],
    usage: completion.usage,
    responseDigest: null,
    response: null,
  };
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
    readonly before?: readonly Recording[];
    /** See `Completion.hold`. */
    readonly hold?: string;
  },
): Promise<void> {
  const status = client.started ? 200 : parts.statusOf(refusal);
  const unrecorded = await recordEnd(
    parts,
    run,
    {
      outcome: options.outcome ?? outcomeOf(refusal),
      reason: refusal.reason,
      status,
      servedModel: null,
      finishReasons: [],
      usage: options.usage ?? usageSoFar(run, refusal),
      responseDigest: null,
      response: null,
      ...(options.hold === undefined ? {} : { hold: options.hold }),
    },
    options.before,
  );
  client.refuse(unrecorded ?? refusal, options.headers);
}

/** A request that reached its provider has used something, however that try and the call ended. */
function usageSoFar(run: CallRun, refusal: Refusal): TokenUsage {
  const reached =
    outcomeOf(refusal) !== "upstream_unreachable" || run.failed?.some(({ sent }) => sent) === true;
  if (run.sent === 0 || !reached) return noUsage;
  return run.usageSoFar?.() ?? usageOf(run, null, 0);
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
