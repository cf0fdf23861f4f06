// Tool calls that policy holds: they are put down with the answer they stand in, durably, and then the client waits.

import type { FilingFailure, HeldItem } from "../../approvals/filing.ts";
import type { Refusal } from "../../core/refusal.ts";
import { withheldHeaders } from "../answer-headers.ts";
import { AnswerWriter } from "../answer-writer.ts";
import type { CallRun, Completion } from "../call-run.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { endRefused } from "../ending.ts";
import { askerOf, notFiledDetail } from "../held/asked.ts";
import { requestIdentity } from "../held/conversation.ts";
import type { HeldQuestion } from "../held/recheck.ts";
import { heldHeaders, serveHold } from "../held/serve-hold.ts";
import { encodeHeld, type HeldTurn } from "../held/turn.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import { type ActionsVerdict, actionEntries, type DecidedAction } from "./decide-actions.ts";

export interface HeldAnswer {
  readonly turn: HeldTurn;
  /** The gate's own. */
  readonly headers: AnswerHeaders;
  readonly end: Pick<Completion, "servedModel" | "finishReasons" | "usage">;
  /** Of a stream that has begun; left out, the answer is in one piece. */
  readonly writer?: AnswerWriter;
}

export async function holdActions(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  verdict: ActionsVerdict,
  held: HeldAnswer,
): Promise<void> {
  const { call } = run;
  const identity = requestIdentity(call);
  let recordings: readonly Recording[] = [];
  const filed = await parts.holding.desk.file({
    ...askerOf(parts, call, identity),
    under: run.under,
    answer: encodeHeld(held.turn),
    items: verdict.decided
      .filter(({ decision }) => decision.outcome === "hold")
      .map((one) => heldItem(run, one)),
    before: () => {
      recordings = actionEntries(parts, run, verdict);
      return recordings.map(({ entry }) => entry);
    },
  });
  if (!filed.ok) {
    const refusal = notFiled(verdict, filed.failure);
    return endRefused(parts, run, client, refusal, {
      headers: withheldHeaders(held.headers, refusal),
      outcome: "withheld",
      usage: held.end.usage,
      before: actionEntries(parts, run, verdict),
    });
  }
  if (run.heldBy !== null) await parts.holding.desk.leave(run.heldBy, "nothing");
  run.heldBy = filed.value.id;
  for (const { entry, payload } of recordings) {
    if (payload !== null) parts.payloads.keep(entry.id, payload.subject, payload.fields);
  }
  const writer = held.writer ?? wholeWriter(parts, run, client, held, verdict.refusal);
  await serveHold(parts, run, client, {
    hold: filed.value,
    turn: held.turn,
    resumed: null,
    identity,
    writer,
    headers: held.headers,
    end: held.end,
  });
}

function wholeWriter(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  { turn, headers }: HeldAnswer,
  refusal: Refusal | null,
): AnswerWriter {
  return new AnswerWriter(run, client, {
    framing: "json",
    status: turn.status,
    headers: () => ({ ...turn.headers, ...heldHeaders(run, headers, refusal) }),
    keepBytes: run.call.application.payloads === "response" ? parts.limits.response : 0,
  });
}

function heldItem(run: CallRun, { id, action, classification, decision, labels }: DecidedAction): HeldItem {
  const { facts } = run.call;
  const { labels: callLabels, source_address, user } = facts;
  const question: HeldQuestion = {
    kind: action.kind,
    facts: { labels: callLabels, source_address, ...(user === undefined ? {} : { user }) },
  };
  return {
    kind: "action",
    action: id,
    choice: action.choice,
    position: action.position,
    tool: action.tool,
    target: null,
    effect: classification.effect,
    toolDigest: classification.toolDigest,
    labels: labels ?? [],
    bytes: action.argumentBytes,
    question: JSON.stringify(question),
    signOffs: decision.signOffs,
    policies: decision.policies,
    policyRevision: decision.revision,
  };
}

function notFiled({ refusal }: ActionsVerdict, failure: FilingFailure): Refusal {
  const { tools = [], policies = [] } = refusal?.reason === "approval_required" ? refusal : {};
  return { reason: "tool_call_denied", tools, detail: notFiledDetail(failure), policies };
}
