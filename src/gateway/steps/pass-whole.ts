// The last of step 8 for an answer in one piece: its completion is durable, then its bytes go out as they came.

import { isUtf8 } from "node:buffer";
import { foldedKey } from "../../core/folded-key.ts";
import type { Refusal } from "../../core/refusal.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { parseStrictJson } from "../../core/strict-json.ts";
import { isObject } from "../../facts/json-shape.ts";
import type { ProviderAnswer } from "../../providers/provider.ts";
import type { TokenUsage } from "../../usage/token-usage.ts";
import { servedHeaders } from "../answer-headers.ts";
import { targetId } from "../call.ts";
import { type CallRun, noUsage } from "../call-run.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { sha256 } from "../digest.ts";
import { endRefused, recordEnd, usageOf } from "../ending.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";

export type WholeAnswer = Extract<ProviderAnswer, { kind: "whole" }>;

export interface WholeReading {
  readonly servedModel: string | null;
  readonly finishReasons: readonly string[];
  readonly usage: TokenUsage;
  /** Entries that must be durable before these bytes are. */
  readonly before: readonly Recording[];
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
  const unrecorded = await recordEnd(
    parts,
    run,
    {
      outcome: "ok",
      reason: null,
      status: client.started ? 200 : answer.status,
      servedModel,
      finishReasons,
      usage,
      responseDigest: sha256(answer.body),
      response: answer.body,
    },
    before,
  );
  if (unrecorded !== null) return client.refuse(unrecorded, headers);
  const cost = run.target === null ? null : parts.prices.cost(targetId(run.target), usage);
  const costHeader = cost === null ? {} : { "x-portcullis-cost": dollars(cost.microUsd) };
  client.respond(
    answer.status,
    {
      ...answer.headers,
      ...headers,
      ...servedHeaders(run),
      ...costHeader,
      ...contentHeaders(jsonType),
    },
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
  const type = errorContentType(answer.body, parts.limits.depth);
  if (!type.ok) {
    const refusal: Refusal = {
      reason: "upstream_invalid",
      provider: run.target?.provider ?? "",
      detail: type.failure,
    };
    return endRefused(parts, run, client, refusal, { headers: { ...headers, ...servedHeaders(run) } });
  }
  const body = client.started && run.call.request.stream ? errorEvent(answer.body, type.value) : answer.body;
  const unrecorded = await recordEnd(parts, run, {
    outcome: "upstream_error",
    reason: null,
    status: client.started ? 200 : answer.status,
    servedModel: null,
    finishReasons: [],
    // An upstream that refuses a request uses no tokens for it; one that fails does not say.
    usage: answer.status < 500 ? noUsage : usageOf(run, null, 0),
    responseDigest: sha256(body),
    response: body,
  });
  if (unrecorded !== null) return client.refuse(unrecorded, headers);
  client.respond(
    answer.status,
    { ...answer.headers, ...headers, ...servedHeaders(run), ...contentHeaders(type.value) },
    body,
  );
}

/** For a client whose stream was opened while its call waited for a sign-off: what it reads as the stream's error. */
function errorEvent(body: Buffer, type: string): Buffer {
  const text = body.toString("utf8");
  const json: unknown = type === jsonType ? JSON.parse(text) : null;
  const told = isObject(json) && isObject(json["error"]) ? json : { error: { message: text } };
  return Buffer.from(`data: ${JSON.stringify(told)}\n\n`);
}

/** What an error's body may be read as. A body that holds an answer is none: not every client looks at the status first. */
function errorContentType(body: Buffer, maxDepth: number): Result<string, string> {
  if (!isUtf8(body)) return fail("its error is not UTF-8");
  const json = parseStrictJson(body, maxDepth);
  if (!json.ok) {
    return /^\s*[{[]/.test(body.toString("utf8", 0, 1024))
      ? fail(`its error is not strict JSON: ${json.failure.detail}`)
      : ok("text/plain; charset=utf-8");
  }
  const { value } = json.value;
  if (isObject(value) && ("choices" in value || foldedKey(value, answerNames) !== null)) {
    return fail("its error holds an answer");
  }
  return ok(jsonType);
}

const jsonType = "application/json";

const answerNames: ReadonlySet<string> = new Set(["choices"]);

/** Ours, not the upstream's: a body is read as what it was inspected as. */
function contentHeaders(type: string): AnswerHeaders {
  return { "content-type": type, "x-content-type-options": "nosniff" };
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
