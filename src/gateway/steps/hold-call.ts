// A call that policy holds before any model sees it: it waits like a tool call does, and then goes on under the decision
// that its release puts on record.

import { type Approval, type ApprovalContent, current, type Hold } from "../../approvals/approval.ts";
import type { FilingFailure } from "../../approvals/filing.ts";
import type { Ruling } from "../../approvals/ports.ts";
import type { Recheck, Release } from "../../approvals/releasing.ts";
import type { WaitEnd } from "../../approvals/waiting.ts";
import type { Refusal } from "../../core/refusal.ts";
import { decisionHeaders } from "../answer-headers.ts";
import { AnswerWriter } from "../answer-writer.ts";
import { type Target, targetId } from "../call.ts";
import { type CallRun, noUsage } from "../call-run.ts";
import type { ClientChannel } from "../client-channel.ts";
import { endRefused, recordEnd } from "../ending.ts";
import { askerOf, notFiledDetail } from "../held/asked.ts";
import { requestIdentity } from "../held/conversation.ts";
import { ownAnswer, ownNaming } from "../held/own-answer.ts";
import { prefersAsync } from "../held/patience.ts";
import { denied, fallenPrincipal } from "../held/recheck.ts";
import { endPending, heldBy, waitWithBeats } from "../held/serve-hold.ts";
import { encodeHeld } from "../held/turn.ts";
import { unreleasedOf, waitingParts } from "../held/what-is-told.ts";
import { unreleasedNote, waitingNote } from "../held/words.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import { type CallDecision, decide } from "./decide.ts";
import { decideCounted } from "./decide-counted.ts";
import { decisionEntry } from "./record-decision.ts";

/**
 * The permit under which the call goes on, durable already; null when the call has ended here. `joined` is what an earlier
 * connection of the same request left behind. INVARIANT: the hold is on record before this is called.
 */
export async function holdCall(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  target: Target,
  decision: CallDecision,
  joined: Hold | null,
): Promise<CallDecision | null> {
  const headers = decisionHeaders(run.call.id, decision);
  let hold = joined;
  if (hold === null) {
    const filed = await file(parts, run, target, decision);
    if (!filed.ok) {
      await endRefused(parts, run, client, notFiled(filed.failure), { headers });
      return null;
    }
    hold = filed.value;
  }
  run.heldBy = hold.id;
  const held: HeldCall = { parts, run, client, target, hold, writer: writerOf(parts, run, client, decision) };
  for (;;) {
    const end = await waitWithBeats(parts, run, client, {
      hold,
      naming: ownNaming(run),
      writer: held.writer,
    });
    if (end !== "settled") return giveUp(held, end);
    const recheck = new CallRecheck(held);
    const release = await parts.holding.desk.release(hold.id, {
      releasedTo: run.call.id,
      choice: null,
      recheck,
    });
    if (release.kind === "pending") continue;
    return afterRelease(held, release, recheck);
  }
}

interface HeldCall {
  readonly parts: GatewayParts;
  readonly run: CallRun;
  readonly client: ClientChannel;
  readonly target: Target;
  readonly hold: Hold;
  readonly writer: AnswerWriter;
}

function writerOf(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  decision: CallDecision,
): AnswerWriter {
  return new AnswerWriter(run, client, {
    framing: run.call.request.endpoint === "chat" && run.call.request.stream ? "sse" : "json",
    status: 200,
    headers: () => decisionHeaders(run.call.id, decision),
    keepBytes: run.call.application.payloads === "response" ? parts.limits.response : 0,
  });
}

function file(
  parts: GatewayParts,
  { call }: CallRun,
  target: Target,
  decision: CallDecision,
): ReturnType<GatewayParts["holding"]["desk"]["file"]> {
  return parts.holding.desk.file({
    ...askerOf(parts, call, requestIdentity(call)),
    under: null,
    answer: encodeHeld({ v: 1, kind: "request" }),
    items: [
      {
        ...{ kind: "call", action: null, choice: 0, position: 0, tool: null, effect: null, toolDigest: null },
        target: targetId(target),
        labels: call.facts.labels,
        bytes: call.body.toString("utf8"),
        question: "{}",
        signOffs: decision.signOffs,
        policies: decision.policies,
        policyRevision: decision.revision,
      },
    ],
    before: () => [],
  });
}

/** Not for the reason that the policies give: they would let people decide. */
function notFiled(failure: FilingFailure): Refusal {
  return { reason: "policy_denied", policies: [], detail: notFiledDetail(failure) };
}

/** The call decided anew, with what was signed off: its bytes are the very ones, everything else is of this moment. */
class CallRecheck implements Recheck {
  readonly #held: HeldCall;
  #decision: CallDecision | null = null;
  #recording: Recording | null = null;

  constructor(held: HeldCall) {
    this.#held = held;
  }

  get decision(): CallDecision | null {
    return this.#decision;
  }

  get recording(): Recording | null {
    return this.#recording;
  }

  begin(): void {
    this.#recording = null;
  }

  async rule(approval: Approval, { bytes }: ApprovalContent, given: readonly string[]): Promise<Ruling> {
    const { parts, run, target } = this.#held;
    const now = parts.inForce();
    const fallen = fallenPrincipal(parts, run.call);
    if (fallen !== null) return denied(now.policy.revision, fallen);
    if (targetId(target) !== approval.target || run.call.body.toString("utf8") !== bytes) {
      return denied(now.policy.revision, "it is not the request that was approved");
    }
    const counting = now.policy.counters.length > 0;
    const decision = counting
      ? await decideCounted(now, run, target, given)
      : decide(now, run.call, target, null, given);
    this.#decision = decision;
    const { outcome, policies, signOffs, revision, error, detail } = decision;
    return { outcome, policies, signOffs, revision, detail: error ?? detail };
  }

  decided(approval: Approval): Recording["entry"] {
    const { parts, run, target } = this.#held;
    if (this.#decision === null) throw new Error(`approval ${approval.id} was not decided again`);
    this.#recording = decisionEntry(parts, run.call, run.dispatch + 1, target, this.#decision, {
      approval: approval.id,
    });
    return this.#recording.entry;
  }
}

async function afterRelease(
  held: HeldCall,
  release: Exclude<Release, { kind: "pending" }>,
  { decision, recording }: CallRecheck,
): Promise<CallDecision | null> {
  const { parts, run, client } = held;
  const headers = held.writer.form.headers();
  if (release.kind === "damaged") {
    parts.log.error({ call: run.call.id, hold: held.hold.id }, "what was held cannot be read");
    await endRefused(parts, run, client, { reason: "internal" }, { headers });
    return null;
  }
  if (release.released.length > 0 && decision !== null) {
    if (recording !== null) {
      run.dispatch += 1;
      run.under = release.released[0]?.approval.id ?? null;
      const { entry, payload } = recording;
      if (payload !== null) parts.payloads.keep(entry.id, payload.subject, payload.fields);
    }
    return decision;
  }
  run.handed = "all";
  const unreleased = await Promise.all(release.refused.map((part) => unreleasedOf(parts, part)));
  const note = unreleasedNote(unreleased, run.call.id);
  if (run.call.endpoint === "embeddings" || parts.waiting.onReject === "error") {
    const refusal: Refusal = { reason: "approval_refused", detail: note };
    const outcome = "withheld";
    await endRefused(parts, run, client, refusal, { headers, outcome, ...heldBy(run, held) });
  } else {
    await say(held, note, "withheld");
  }
  return null;
}

async function giveUp(held: HeldCall, end: Exclude<WaitEnd, "settled">): Promise<null> {
  const { parts, run, client, hold } = held;
  const headers = held.writer.form.headers();
  if (end === "aborted") {
    await endRefused(parts, run, client, { reason: "client_closed" }, { headers, ...heldBy(run, { hold }) });
  } else if (
    // No words of ours are an embedding.
    run.call.endpoint === "embeddings" ||
    (!client.started && (end !== "time" || prefersAsync(run.call)))
  ) {
    await endPending(parts, run, client, { hold, headers, end: { usage: noUsage } });
  } else {
    const fresh = (await parts.holding.desk.hold(hold.id)) ?? hold;
    const waiting = current(fresh).filter(({ state }) => state === "pending");
    await say(held, waitingNote(waitingParts(parts, waiting), run.call.id, "request"), "held");
  }
  return null;
}

/** An ordinary assistant's message of our own, where no model was asked. */
async function say(
  { parts, run, client, hold, writer }: HeldCall,
  text: string,
  outcome: "held" | "withheld",
): Promise<void> {
  const last = ownAnswer(run, text);
  writer.note(last);
  const unrecorded = await recordEnd(parts, run, {
    outcome,
    reason: null,
    status: writer.form.status,
    servedModel: null,
    finishReasons: ["stop"],
    usage: noUsage,
    ...heldBy(run, { hold }),
    ...writer.recorded(),
  });
  if (unrecorded !== null) return client.refuse(unrecorded, writer.form.headers());
  await writer.finish(last);
}
