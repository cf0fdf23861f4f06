// The last of step 8 for an answer in one piece: its completion is durable, then its bytes go out as they came.

import type { EncodedEntry } from "../../core/entry.ts";
import type { ProviderAnswer } from "../../providers/provider.ts";
import type { TokenUsage } from "../../usage/token-usage.ts";
import { servedHeaders } from "../answer-headers.ts";
import { targetId } from "../call.ts";
import { type CallRun, noUsage } from "../call-run.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { sha256 } from "../digest.ts";
import { recordEnd, usageOf } from "../ending.ts";
import type { GatewayParts } from "../parts.ts";

export type WholeAnswer = Extract<ProviderAnswer, { kind: "whole" }>;

export interface WholeReading {
  readonly servedModel: string | null;
  readonly finishReasons: readonly string[];
  readonly usage: TokenUsage;
  /** Entries that must be durable before these bytes are. */
  readonly before: readonly EncodedEntry[];
}

export async function passWhole(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  answer: WholeAnswer,
  headers: AnswerHeaders,
  reading: WholeReading,
): Promise<void> {
  if (client.signal.aborted) return recordGone(parts, run, reading);
  const { servedModel, finishReasons, usage, before } = reading;
  const recorded = await recordEnd(
    parts,
    run,
    {
      outcome: "ok",
      reason: null,
      status: answer.status,
      servedModel,
      finishReasons,
      usage,
      responseDigest: sha256(answer.body),
      response: answer.body,
    },
    before,
  );
  if (!recorded) return client.refuse({ reason: "trail_unavailable" }, headers);
  const cost = run.target === null ? null : parts.prices.cost(targetId(run.target), usage);
  const costHeader = cost === null ? {} : { "x-portcullis-cost": dollars(cost.microUsd) };
  client.respond(
    answer.status,
    { ...answer.headers, ...headers, ...servedHeaders(run), ...costHeader },
    answer.body,
  );
}

/** The upstream's own error, byte for byte: its status and body are what the client's SDK knows how to read. */
export async function passUpstreamError(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  answer: WholeAnswer,
  headers: AnswerHeaders,
): Promise<void> {
  const recorded = await recordEnd(parts, run, {
    outcome: "upstream_error",
    reason: null,
    status: answer.status,
    servedModel: null,
    finishReasons: [],
    // An upstream that refuses a request uses no tokens for it; one that fails does not say.
    usage: answer.status < 500 ? noUsage : usageOf(run, null, 0),
    responseDigest: sha256(answer.body),
    response: answer.body,
  });
  if (!recorded) return client.refuse({ reason: "trail_unavailable" }, headers);
  client.respond(answer.status, { ...answer.headers, ...headers, ...servedHeaders(run) }, answer.body);
}

async function recordGone(parts: GatewayParts, run: CallRun, reading: WholeReading): Promise<void> {
  const { servedModel, finishReasons, usage, before } = reading;
  await recordEnd(
    parts,
    run,
    {
      outcome: "client_closed",
      reason: "client_closed",
      status: parts.statusOf({ reason: "client_closed" }),
      servedModel,
      finishReasons,
      usage,
      responseDigest: null,
      response: null,
    },
    before,
  );
}

export function boundedName(name: string | null, max = 256): string | null {
  return name === null ? null : name.toWellFormed().slice(0, max).toWellFormed();
}

/** US dollars with six decimals, for example `0.000123`. */
function dollars(microUsd: number): string {
  return `${Math.floor(microUsd / 1_000_000)}.${String(microUsd % 1_000_000).padStart(6, "0")}`;
}
