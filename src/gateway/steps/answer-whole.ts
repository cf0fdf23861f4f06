// Step 8 for a chat answer in one piece: inspect it, decide what it proposes, and pass it on or withhold it.

import type { Refusal } from "../../core/refusal.ts";
import { fail, type Result } from "../../core/result.ts";
import { parseStrictJson } from "../../core/strict-json.ts";
import { isObject } from "../../facts/json-shape.ts";
import { proposedActions } from "../../facts/proposed-actions.ts";
import { servedHeaders, withheldHeaders } from "../answer-headers.ts";
import type { CallRun } from "../call-run.ts";
import { type ChatAnswer, endsWhole, readChatAnswer } from "../chat-answer.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { endRefused, usageOf } from "../ending.ts";
import type { HeldTurn } from "../held/turn.ts";
import type { GatewayParts } from "../parts.ts";
import { type ActionsVerdict, actionEntries, decideActions } from "./decide-actions.ts";
import { holdActions } from "./hold-actions.ts";
import {
  boundedName,
  passUpstreamError,
  passWhole,
  type WholeAnswer,
  type WholeReading,
} from "./pass-whole.ts";

export async function answerWhole(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  answer: WholeAnswer,
  headers: AnswerHeaders,
): Promise<void> {
  if (answer.status < 200 || answer.status > 299)
    return passUpstreamError(parts, run, client, answer, headers);
  if (client.started && run.call.request.stream) {
    // While it waited for a sign-off its client was promised events.
    const detail = "it is in one piece, and a stream was asked for";
    const refusal: Refusal = { reason: "upstream_invalid", provider: run.target?.provider ?? "", detail };
    return endRefused(parts, run, client, refusal, {
      headers,
      usage: usageOf(run, null, answer.body.length),
    });
  }
  const read = readAnswer(parts, run, answer);
  if (!read.ok) {
    return endRefused(parts, run, client, read.failure, {
      headers: { ...headers, ...servedHeaders(run) },
      usage: usageOf(run, null, answer.body.length),
    });
  }
  if (read.value.isError) return passUpstreamError(parts, run, client, answer, headers);
  const usage = usageOf(run, read.value.usage, answer.body.length);
  const verdict = inspect(parts, run, read.value);
  if (verdict.refusal?.reason === "approval_required") {
    const end = { ...endOf(read.value), usage };
    return holdActions(parts, run, client, verdict, { turn: heldTurn(answer, read.value), headers, end });
  }
  if (verdict.refusal !== null) {
    return endRefused(parts, run, client, verdict.refusal, {
      headers: { ...withheldHeaders(headers, verdict.refusal), ...servedHeaders(run) },
      outcome: "withheld",
      usage,
      before: actionEntries(parts, run, verdict),
    });
  }
  return passWhole(parts, run, client, answer, headers, {
    ...endOf(read.value),
    usage,
    before: actionEntries(parts, run, verdict),
  });
}

function endOf(answer: ChatAnswer): Pick<WholeReading, "servedModel" | "finishReasons"> {
  return { servedModel: boundedName(answer.model), finishReasons: finishReasons(answer) };
}

function heldTurn({ status, headers, body }: WholeAnswer, read: ChatAnswer): HeldTurn {
  const value: unknown = JSON.parse(body.toString("utf8"));
  const { id, created, model } = isObject(value) ? value : {};
  const choices = read.choices.flatMap(({ index, content, finishReason }) =>
    content === null || proposedActions(index, content).length === 0
      ? []
      : [{ index, message: { ...content }, finish_reason: finishReason }],
  );
  const naming = { id: id ?? "chatcmpl-portcullis", created: created ?? 0, model: model ?? "" };
  return {
    v: 1,
    kind: "whole",
    status,
    headers: { ...headers },
    body: body.toString("utf8"),
    choices,
    naming,
  };
}

function readAnswer(parts: GatewayParts, run: CallRun, answer: WholeAnswer): Result<ChatAnswer, Refusal> {
  const invalid = (detail: string): Result<ChatAnswer, Refusal> =>
    fail({ reason: "upstream_invalid", provider: run.target?.provider ?? "", detail });
  const json = parseStrictJson(answer.body, parts.limits.depth);
  if (!json.ok) return invalid(`it is not strict JSON: ${json.failure.detail}`);
  const read = readChatAnswer(json.value.value);
  if (!read.ok) return invalid(read.failure);
  return proposesTwice(read.value) ? invalid("two of its choices have one index, and propose") : read;
}

/** Where a tool call stands is by what it is held, decided and released: two must not stand in one place. */
function proposesTwice({ choices }: ChatAnswer): boolean {
  const proposing = choices.filter(
    ({ index, content }) => content !== null && proposedActions(index, content).length > 0,
  );
  return proposing.some(({ index }) => choices.filter((choice) => choice.index === index).length > 1);
}

function inspect(parts: GatewayParts, run: CallRun, answer: ChatAnswer): ActionsVerdict {
  const actions = answer.choices.flatMap((choice) =>
    choice.content === null ? [] : proposedActions(choice.index, choice.content),
  );
  const proposing = new Set(actions.map((action) => action.choice));
  const truncated = answer.choices.some(
    (choice) => proposing.has(choice.index) && !endsWhole(choice.finishReason),
  );
  return decideActions(parts, run, actions, truncated);
}

function finishReasons(answer: ChatAnswer): readonly string[] {
  return answer.choices.flatMap((choice) => boundedName(choice.finishReason, 64) ?? []);
}
