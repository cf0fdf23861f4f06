// A request that is answered from what an earlier one left waiting is decided like any other. Where policy holds requests of
// its kind, the retry of one that was signed off is permitted under the same sign-offs: it asks for no more than was sent on.

import type { Refusal } from "../../core/refusal.ts";
import { type DescribedCall, type Target, targetId } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import { type CallDecision, decide, decisionRefusal } from "./decide.ts";
import { decideCounted } from "./decide-counted.ts";
import type { PickedUp } from "./pick-up.ts";
import { decisionEntry } from "./record-decision.ts";

export async function decidePickUp(
  parts: GatewayParts,
  run: CallRun,
  pickedUp: Pick<PickedUp, "hold" | "resumed">,
): Promise<{ readonly decision: CallDecision; readonly entry: Recording }> {
  const { call } = run;
  const [target] = call.targets;
  const since = performance.now();
  const outright = await decideWith(parts, run, target, []);
  const given = outright.outcome === "hold" ? await signedBefore(parts, call, target, pickedUp) : [];
  const under = given.length === 0 ? outright : await decideWith(parts, run, target, given);
  // A decision that names no approval is on record as it is without any.
  const decision = under.outcome === "permit" ? under : outright;
  parts.watch.decided(call, target, decision, since);
  run.dispatch += 1;
  const { hold, resumed } = pickedUp;
  const isUnder = decision !== outright && hold.under !== undefined;
  const entry = decisionEntry(parts, call, run.dispatch, target, decision, {
    ...(isUnder ? { approval: hold.under } : {}),
    hold: hold.id,
    ...(resumed === null ? {} : { choice: resumed }),
  });
  return { decision, entry };
}

async function decideWith(
  parts: GatewayParts,
  run: CallRun,
  target: Target,
  given: readonly string[],
): Promise<CallDecision> {
  const counting = parts.policy.counters.length > 0;
  return counting ? decideCounted(parts, run, target, given) : decide(parts, run.call, target, null, given);
}

/** Tells that there was something to get, and what can be done to get it. */
export function pickUpRefusal(
  decision: CallDecision,
  { time }: Pick<DescribedCall, "time">,
  { resumed }: Pick<PickedUp, "resumed">,
): Refusal {
  const refusal = decisionRefusal(decision, time);
  if (refusal.reason !== "approval_required" && refusal.reason !== "policy_denied") return refusal;
  return { ...refusal, pickUp: resumed === null ? "retry" : "later_message" };
}

/** A message that goes on with the turn is another request, which nobody has signed off. */
async function signedBefore(
  { holding }: Pick<GatewayParts, "holding">,
  { application, user, body }: DescribedCall,
  target: Target,
  { hold, resumed }: Pick<PickedUp, "hold" | "resumed">,
): Promise<readonly string[]> {
  if (hold.under === undefined || resumed !== null) return [];
  return holding.desk.signedBefore(hold.under, {
    application: application.name,
    user,
    target: targetId(target),
    bytes: body.toString("utf8"),
  });
}
