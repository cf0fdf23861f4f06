// The gate. Every model call takes this path, streamed or not, whatever its endpoint and however many targets are tried:
// identify → parse → resolve → describe → (decide → record → dispatch)+ → inspect → decide actions → record → answer.

import type { Hold } from "../approvals/approval.ts";
import { LogUnavailableError } from "../audit/log-store.ts";
import { LeafTooLargeError } from "../audit/trail-entry.ts";
import type { Refusal } from "../core/refusal.ts";
import { callHeaders, decisionHeaders, servedHeaders } from "./answer-headers.ts";
import type { IdentifiedCall, IncomingCall, Target } from "./call.ts";
import { CallRun } from "./call-run.ts";
import type { AnswerHeaders, ClientChannel } from "./client-channel.ts";
import { discard } from "./discard.ts";
import { endRefused } from "./ending.ts";
import { mayCarryMarker, withoutMarkers } from "./held/resume-marker.ts";
import { serveAgain } from "./held/serve-hold.ts";
import type { HeldTurn } from "./held/turn.ts";
import type { GatewayParts } from "./parts.ts";
import { triedRefusal } from "./provider-refusal.ts";
import { type Recording, record } from "./recording.ts";
import { answerEmbeddings } from "./steps/answer-embeddings.ts";
import { answerWhole } from "./steps/answer-whole.ts";
import { type CallDecision, decide, decisionRefusal } from "./steps/decide.ts";
import { decideCounted } from "./steps/decide-counted.ts";
import { decidePickUp, pickUpRefusal } from "./steps/decide-pick-up.ts";
import { holdCall } from "./steps/hold-call.ts";
import { identify } from "./steps/identify.ts";
import { type PickedUp, pickUp } from "./steps/pick-up.ts";
import { undescribedCompletionEntry } from "./steps/record-completion.ts";
import { decisionEntry, undescribedEntry } from "./steps/record-decision.ts";
import { relayStream } from "./steps/relay-stream.ts";
import { tryTarget } from "./steps/try-target.ts";
import { type Undescribed, understand } from "./steps/understand.ts";
import { nextAfter, type Tried } from "./try-outcome.ts";
import { upstreamSignal } from "./upstream-signal.ts";

/** Takes one call from its request to the last byte of its answer. Never rejects: a fault of ours is answered too. */
export async function handleCall(
  parts: GatewayParts,
  incoming: IncomingCall,
  client: ClientChannel,
): Promise<void> {
  const identified = identify(parts, incoming);
  if (!identified.ok) return client.refuse(identified.failure, {});
  const call = withoutSigns(identified.value);
  let run: CallRun | null = null;
  try {
    const described = await understand(parts, call);
    if (!described.ok) return await refuseUndescribed(parts, call, client, described.failure);
    run = new CallRun(described.value, parts.router.patience(described.value.request.requestedModel));
    const picked = await pickUp(parts, described.value);
    if (!picked.ok) {
      const { requestedModel } = described.value.request;
      return await refuseUndescribed(parts, call, client, { refusal: picked.failure, requestedModel });
    }
    const pickedUp = picked.value;
    run.heldBy = pickedUp?.hold.id ?? null;
    if (pickedUp === null || pickedUp.content.kind === "request") {
      await tryTargets(parts, run, client, pickedUp?.hold ?? null);
      for (let next = run.takeNext(); next !== null; next = run.takeNext()) {
        await askAgain(parts, run, client, next);
      }
    } else {
      await servePickedUp(parts, run, client, { ...pickedUp, turn: pickedUp.content });
    }
  } catch (fault) {
    await endFaulty(parts, call, run, client, fault);
  } finally {
    // What is not on record did not happen.
    if (run?.reserved === true && !run.decided) parts.reservations.release(call.id);
    if (run !== null && run.heldBy !== null) await leaveHold(parts, run, run.heldBy, client);
    parts.watch.over(call);
  }
}

/** A retry finds what its client does not have in full: also an answer that was not put on record, and so not sent. */
async function leaveHold(
  { holding }: GatewayParts,
  run: CallRun,
  hold: string,
  client: ClientChannel,
): Promise<void> {
  const hasIt = run.handed !== "nothing" && run.ended && (await client.finished());
  await holding.desk.leave(hold, hasIt ? run.handed : "nothing");
}

const tooLargeToRecord: Refusal = {
  reason: "undescribable",
  detail:
    "the facts of this request are too large to be recorded; offer fewer tools, or tools with shorter names",
};

/**
 * The targets in order, until one answers: each decided and recorded before it is tried. `joined` is what an earlier
 * connection of the same request left waiting.
 */
async function tryTargets(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  joined: Hold | null,
): Promise<void> {
  let last: Attempt | null = null;
  for (const target of run.call.targets) {
    let { decision, entry } = await decided(parts, run, target);
    if (decision.outcome === "hold" && last === null) {
      if (!(await recorded(parts, run, entry))) {
        return client.refuse({ reason: "trail_unavailable" }, callHeaders(run.call.id));
      }
      const permit = await holdCall(parts, run, client, target, decision, joined);
      if (permit === null) return;
      decision = permit;
    } else if (decision.outcome !== "permit") {
      if (last === null) {
        const refusal = decisionRefusal(decision, run.call.time);
        return refuseDecided(parts, run, client, decision, entry, refusal);
      }
      // A fallback that policy does not permit is passed over, on record.
      if (!(await recorded(parts, run, entry))) break;
      continue;
    } else if (!(await recorded(parts, run, entry))) {
      if (last === null) return client.refuse({ reason: "trail_unavailable" }, callHeaders(run.call.id));
      break;
    }
    const answer = await tryTarget(parts, run, target, upstreamSignal(run, client.signal));
    const headers = decisionHeaders(run.call.id, decision);
    last = moreTelling(run, last, { target, headers, answer, dispatch: run.dispatch });
    if (nextAfter(answer, run.acts) === "answer" || run.msLeft() <= 0) break;
  }
  if (last !== null) await answer(parts, run, client, last);
}

async function decided(
  parts: GatewayParts,
  run: CallRun,
  target: Target,
): Promise<{ readonly decision: CallDecision; readonly entry: Recording }> {
  const since = performance.now();
  const counting = parts.policy.counters.length > 0;
  const decision = counting ? await decideCounted(parts, run, target) : decide(parts, run.call, target);
  parts.watch.decided(run.call, target, decision, since);
  run.dispatch += 1;
  return { decision, entry: decisionEntry(parts, run.call, run.dispatch, target, decision) };
}

/** The model's next turn, which is described, decided and recorded like its first. */
async function askAgain(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  body: Buffer,
): Promise<void> {
  const described = await understand(parts, { ...run.call, body });
  if (!described.ok) return endRefused(parts, run, client, described.failure.refusal, { headers: {} });
  run.goOn(described.value);
  await tryTargets(parts, run, client, null);
}

/** A call that is answered from what waited is a call like any other: decided and on record before it gets anything. */
async function servePickedUp(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  pickedUp: PickedUp & { readonly turn: HeldTurn },
): Promise<void> {
  const { decision, entry } = await decidePickUp(parts, run, pickedUp);
  if (decision.outcome === "permit" && (await recorded(parts, run, entry))) {
    return serveAgain(parts, run, client, pickedUp, decisionHeaders(run.call.id, decision));
  }
  if (decision.outcome === "permit") {
    return client.refuse({ reason: "trail_unavailable" }, callHeaders(run.call.id));
  }
  const refusal = pickUpRefusal(decision, run.call, pickedUp);
  return refuseDecided(parts, run, client, decision, entry, refusal);
}

/** No model sees a sign by which a request picks up what waits. */
function withoutSigns(call: IdentifiedCall): IdentifiedCall {
  if (!mayCarryMarker(call.body)) return call;
  return { ...call, body: withoutMarkers(call.body), marked: call.body };
}

interface Attempt {
  readonly target: Target;
  readonly headers: AnswerHeaders;
  readonly answer: Tried;
  readonly dispatch: number;
}

/** Which of two attempts the client is told of: the newer, unless that one was not made. The other goes on record. */
function moreTelling(run: CallRun, before: Attempt | null, next: Attempt): Attempt {
  if (before === null) return next;
  const [told, other] = wasMade(next) || !wasMade(before) ? [next, before] : [before, next];
  run.failedTry(other.target, other.answer, other.dispatch);
  return told;
}

function wasMade({ answer }: Attempt): boolean {
  return answer.ok || answer.failure.reason !== "circuit_open";
}

async function answer(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  attempt: Attempt,
): Promise<void> {
  const { headers } = attempt;
  if (!attempt.answer.ok) {
    const refusal = triedRefusal(attempt.target, attempt.answer.failure, parts.limits.response);
    return endRefused(parts, run, client, refusal, { headers: { ...headers, ...servedHeaders(run) } });
  }
  const got = attempt.answer.value;
  if (run.call.request.endpoint === "embeddings") return answerEmbeddings(parts, run, client, got, headers);
  if (got.kind === "whole") return answerWhole(parts, run, client, got, headers);
  if (run.call.request.stream) return relayStream(parts, run, client, got, headers);
  await discard(got);
  const detail = "it is a stream, and none was asked for";
  const refusal: Refusal = { reason: "upstream_invalid", provider: attempt.target.provider, detail };
  return endRefused(parts, run, client, refusal, { headers });
}

/** False when the trail cannot take the decision: then nothing may be sent. */
async function recorded(parts: GatewayParts, run: CallRun, entry: Recording): Promise<boolean> {
  try {
    await record(parts, [entry], run.call.steps);
    run.decided = true;
    return true;
  } catch (fault) {
    parts.log.error({ call: run.call.id, fault: faultText(fault) }, "a decision could not be recorded");
    return false;
  }
}

/** Decision and completion of a call that goes nowhere are one append. */
async function refuseDecided(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  decision: CallDecision,
  entry: Recording,
  refusal: Refusal,
): Promise<void> {
  return endRefused(parts, run, client, refusal, {
    headers: decisionHeaders(run.call.id, decision),
    before: [entry],
  });
}

async function refuseUndescribed(
  parts: GatewayParts,
  call: IdentifiedCall,
  client: ClientChannel,
  undescribed: Undescribed,
): Promise<void> {
  const { refusal, requestedModel } = undescribed;
  const headers = { ...callHeaders(call.id), "x-portcullis-decision": "deny" };
  const entries = [
    await undescribedEntry(parts, call, requestedModel, parts.messageOf(refusal)),
    undescribedCompletionEntry(parts, call, refusal.reason, parts.statusOf(refusal)),
  ];
  try {
    await record(parts, entries, call.steps);
    parts.watch.undescribed(call, refusal.reason, parts.statusOf(refusal));
  } catch (fault) {
    parts.log.error({ call: call.id, fault: faultText(fault) }, "a refused call could not be recorded");
    return client.refuse({ reason: "trail_unavailable" }, headers);
  }
  client.refuse(refusal, headers);
}

async function endFaulty(
  parts: GatewayParts,
  call: IdentifiedCall,
  run: CallRun | null,
  client: ClientChannel,
  fault: unknown,
): Promise<void> {
  const headers = callHeaders(call.id);
  try {
    if (fault instanceof LeafTooLargeError && run?.decided !== true) {
      return await refuseUndescribed(parts, call, client, { refusal: tooLargeToRecord, requestedModel: "" });
    }
    parts.log.error({ call: call.id, fault: faultText(fault) }, "a call met a fault");
    const unrecorded = run === null || run.sent === 0 ? "trail_unavailable" : "answer_unrecorded";
    const refusal: Refusal = { reason: fault instanceof LogUnavailableError ? unrecorded : "internal" };
    // Without a decision on record there is nothing to complete.
    if (run === null || run.completed || !run.decided) client.refuse(refusal, headers);
    else await endRefused(parts, run, client, refusal, { headers });
  } catch (another) {
    parts.log.error({ call: call.id, fault: faultText(another) }, "a call could not be ended");
    client.cut();
  }
}

function faultText(fault: unknown): string {
  return fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
}
