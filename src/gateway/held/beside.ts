// Tool calls that policy permitted in an answer of which others had to wait. They waited along, perhaps for long, and go out
// only if policy permits them still.

import type { Hold } from "../../approvals/approval.ts";
import { proposedActions } from "../../facts/proposed-actions.ts";
import type { CallRun } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";
import { type DecidedAction, decideAction } from "../steps/decide-actions.ts";
import { type HeldTurn, placeKey } from "./turn.ts";

/** Those that are permitted no more, by config, key and policies of this moment. */
export function fallenBeside(
  parts: Pick<GatewayParts, "inForce">,
  { call }: CallRun,
  turn: HeldTurn,
  hold: Hold,
): readonly DecidedAction[] {
  const waited = new Set(hold.approvals.map(placeKey));
  const now = parts.inForce();
  const today = { ...call, facts: { ...call.facts, time: now.clock.now() } };
  return turn.choices
    .flatMap(({ index, message }) => proposedActions(index, message))
    .filter((action) => !waited.has(placeKey(action)))
    .map((action) => decideAction(now, today, action))
    .filter(({ decision }) => decision.outcome !== "permit");
}
