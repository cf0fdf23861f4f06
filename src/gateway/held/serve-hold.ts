// A client and what it waits for: until all of it is decided, or the client can wait no longer, or is gone. Whatever happens
// here changes nothing of the approvals but that what was approved is released.

import { current, type Hold } from "../../approvals/approval.ts";
import type { Handed } from "../../approvals/attaching.ts";
import type { Release } from "../../approvals/releasing.ts";
import type { Refusal } from "../../core/refusal.ts";
import { policyHeaders, servedHeaders } from "../answer-headers.ts";
import { AnswerWriter } from "../answer-writer.ts";
import { type CallOutcome, type CallRun, type Completion, noUsage } from "../call-run.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { endRefused, recordEnd } from "../ending.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";
import { actionEntry } from "../steps/decide-actions.ts";
import { fallenBeside } from "./beside.ts";
import type { RequestIdentity } from "./conversation.ts";
import { outcomeOf, releasedFates, waitingFates } from "./fates.ts";
import { Heartbeat } from "./heartbeat.ts";
import { beatTimes, prefersAsync, waitLeftMs } from "./patience.ts";
import { ActionRecheck } from "./recheck.ts";
import { repromptedBy } from "./reprompt.ts";
import { resumeMarker } from "./resume-marker.ts";
import { type Fates, type HeldTurn, placeOf } from "./turn.ts";
import { resumedStream, resumedWhole, streamTail, wholeAnswer } from "./turn-answer.ts";
import { unreleasedOf, waitingParts } from "./what-is-told.ts";
import { forbidden, unreleasedNote, waitingNote } from "./words.ts";

export interface Serving {
  readonly hold: Hold;
  readonly turn: HeldTurn;
  /** The choice that a later request picks up; null when this request is the one that the turn answers, or its retry. */
  readonly resumed: number | null;
  readonly identity: RequestIdentity;
  readonly writer: AnswerWriter;
  readonly headers: AnswerHeaders;
  readonly end: Pick<Completion, "servedModel" | "finishReasons" | "usage">;
}

export async function serveHold(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  serving: Serving,
): Promise<void> {
  for (;;) {
    const end = await waitWithBeats(parts, run, client, { ...serving, naming: serving.turn.naming });
    if (end === "settled") {
      const recheck = new ActionRecheck(parts, run);
      const request = { releasedTo: run.call.id, choice: serving.resumed, recheck };
      const release = await parts.holding.desk.release(serving.hold.id, request);
      // Somebody has edited it meanwhile: it waits again.
      if (release.kind === "pending") continue;
      if (await repromptedBy(parts, run, serving, release)) return leaveBehind(parts, run, serving);
      return deliver(parts, run, client, serving, release, recheck);
    }
    if (end === "aborted") return endGone(parts, run, client, serving);
    const comesBack = end !== "time" || prefersAsync(run.call);
    if (comesBack && !client.started) return endPending(parts, run, client, serving);
    return endWaiting(parts, run, client, serving);
  }
}

/** The call goes on without it: what comes of the model's next turn is another hold. */
async function leaveBehind({ holding }: GatewayParts, run: CallRun, { hold }: Serving): Promise<void> {
  run.heldBy = null;
  await holding.desk.leave(hold.id, "nothing");
}

/** A request that is answered from what an earlier one left waiting: its retry, or one that goes on with it. */
export async function serveAgain(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  { hold, turn, resumed, identity }: Pick<Serving, "hold" | "turn" | "resumed" | "identity">,
  headers: AnswerHeaders,
): Promise<void> {
  const { request, application } = run.call;
  const writer = new AnswerWriter(run, client, {
    framing: isStreamed(turn, resumed, request.stream) ? "sse" : "json",
    status: turn.status,
    headers: () => ({ ...turn.headers, ...heldHeaders(run, headers, null) }),
    keepBytes: application.payloads === "response" ? parts.limits.response : 0,
  });
  // What its first connection was sent before it came to wait.
  if (turn.kind === "stream" && resumed === null && turn.sent !== "") {
    await writer.write(Buffer.from(turn.sent));
  }
  const end = { servedModel: null, finishReasons: [], usage: noUsage };
  await serveHold(parts, run, client, { hold, turn, resumed, identity, writer, headers, end });
}

/** A retry gets what its first connection got: some upstreams answer in one piece though a stream was asked for. */
function isStreamed({ kind }: HeldTurn, resumed: number | null, asked: boolean): boolean {
  return resumed === null ? kind === "stream" : asked;
}

export async function waitWithBeats(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  { hold, naming, writer }: { readonly hold: Hold; readonly naming: object; readonly writer: AnswerWriter },
): ReturnType<GatewayParts["holding"]["desk"]["wait"]> {
  const beat = new Heartbeat({
    client,
    framing: writer.form.framing,
    times: beatTimes(run.call, run.call.request.stream, parts.waiting),
    open: () => writer.open(),
    naming,
  });
  const ms = waitLeftMs(run.call, run.call.request.stream, parts.waiting.waitMs, performance.now());
  client.rest(true);
  try {
    const canComeBack = (): boolean => !client.started;
    return await parts.holding.desk.wait(hold.id, { signal: client.signal, ms, canComeBack });
  } finally {
    client.rest(false);
    beat.stop();
  }
}

async function deliver(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  serving: Serving,
  release: Exclude<Release, { kind: "pending" }>,
  recheck: ActionRecheck,
): Promise<void> {
  if (release.kind === "damaged") {
    parts.log.error({ call: run.call.id, hold: serving.hold.id }, "what was held cannot be read");
    return endRefused(parts, run, client, { reason: "internal" }, { headers: serving.headers });
  }
  run.handed = handedOf(serving);
  for (const { entry, payload } of recheck.recordings) {
    if (payload !== null) parts.payloads.keep(entry.id, payload.subject, payload.fields);
  }
  const unreleased = await Promise.all(release.refused.map((part) => unreleasedOf(parts, part)));
  if (release.released.length === 0 && release.refused.length > 0 && parts.waiting.onReject === "error") {
    const refusal: Refusal = { reason: "approval_refused", detail: unreleasedNote(unreleased, run.call.id) };
    return endRefused(parts, run, client, refusal, {
      headers: serving.headers,
      outcome: "withheld",
      ...ofEnd(serving),
      ...heldBy(run, serving),
    });
  }
  // Decided before the completion, so that what is denied is on record with it.
  const turn = answeredOf(serving);
  const fallen = fallenBeside(parts, run, turn, release.hold);
  const left = [
    ...release.refused.map(({ approval }, at) => ({ ...placeOf(approval), told: unreleased[at] ?? null })),
    ...fallen.map(({ action }) => ({ ...placeOf(action), told: forbidden(action.tool) })),
  ];
  const fates = releasedFates(release.released, left, run.call.id);
  const before = fallen.map((one) => actionEntry(parts, run, one));
  await answer(parts, run, client, serving, fates, outcomeOf(turn, left.length), before);
}

function handedOf({ turn, resumed }: Serving): Handed {
  return resumed === null ? "all" : { choice: resumed, of: turn.choices.map(({ index }) => index) };
}

/** The part of the turn that the call is answered with. */
function answeredOf({ turn, resumed }: Serving): HeldTurn {
  if (resumed === null) return turn;
  return { ...turn, choices: turn.choices.filter(({ index }) => index === resumed) };
}

/** The client can wait no longer: it gets an ordinary message, with a sign by which a later request goes on. */
async function endWaiting(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  serving: Serving,
): Promise<void> {
  const { holding } = parts;
  const { turn, identity } = serving;
  const hold = (await holding.desk.hold(serving.hold.id)) ?? serving.hold;
  const waiting = current(hold).filter(({ state }) => state === "pending");
  const note = waitingNote(waitingParts(parts, waiting), run.call.id, "turn");
  const marker = (choice: number, text: string): string =>
    resumeMarker(holding.markerKey, {
      hold: hold.id,
      choice,
      application: run.call.application.name,
      user: run.call.user,
      before: identity.messages,
      text,
    });
  const fates = waitingFates(turn, note, marker);
  await answer(parts, run, client, serving, fates, "held");
}

/** Completes the call, durably, and then sends the last bytes. */
async function answer(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  serving: Serving,
  fates: Fates,
  outcome: CallOutcome,
  before: readonly Recording[] = [],
): Promise<void> {
  const { writer, headers } = serving;
  const last = lastBytes(run, serving, fates);
  writer.note(last);
  const completion = {
    outcome,
    reason: null,
    status: writer.form.status,
    ...serving.end,
    ...heldBy(run, serving),
    ...writer.recorded(),
  };
  const unrecorded = await recordEnd(parts, run, completion, before);
  if (unrecorded !== null) return client.refuse(unrecorded, headers);
  await writer.finish(last);
}

function lastBytes(run: CallRun, { turn, resumed }: Serving, fates: Fates): Buffer {
  const { request } = run.call;
  if (resumed !== null) {
    if (!request.stream) return resumedWhole(turn, resumed, fates);
    return resumedStream(turn, resumed, fates, request.endpoint === "chat" && request.includeUsage);
  }
  return turn.kind === "whole" ? wholeAnswer(turn, fates) : streamTail(turn, fates);
}

/** Nothing was written yet, and the gateway ends or has too many connections: the client is told to come back, and finds what it left. */
export async function endPending(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  serving: Pick<Serving, "hold" | "headers"> & { readonly end: Pick<Completion, "usage"> },
): Promise<void> {
  const [first] = current(serving.hold);
  const refusal: Refusal = {
    reason: "approval_pending",
    location: first === undefined ? "" : parts.holding.link(first.id),
    retryAfterSeconds: 5,
  };
  const headers = { ...serving.headers, "x-portcullis-decision": "hold" };
  await endRefused(parts, run, client, refusal, {
    headers,
    outcome: "held",
    usage: serving.end.usage,
    ...heldBy(run, serving),
  });
}

async function endGone(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  serving: Serving,
): Promise<void> {
  const refusal: Refusal = { reason: "client_closed" };
  await recordEnd(parts, run, {
    outcome: "client_closed",
    reason: refusal.reason,
    status: client.started ? serving.writer.form.status : parts.statusOf(refusal),
    ...serving.end,
    ...heldBy(run, serving),
    responseDigest: null,
    response: null,
  });
}

function ofEnd({ end }: Serving): { readonly usage: Completion["usage"] } {
  return { usage: end.usage };
}

/** A call that was answered from what another had left waiting says so; its own turn is not another's. */
export function heldBy(run: CallRun, { hold }: Pick<Serving, "hold">): Pick<Completion, "hold"> {
  return hold.call === run.call.id ? {} : { hold: hold.id };
}

/** The headers of an answer that waited. */
export function heldHeaders(run: CallRun, headers: AnswerHeaders, refusal: Refusal | null): AnswerHeaders {
  return {
    ...headers,
    ...servedHeaders(run),
    "x-portcullis-decision": "hold",
    ...(refusal !== null && "policies" in refusal ? policyHeaders(refusal.policies) : {}),
  };
}
