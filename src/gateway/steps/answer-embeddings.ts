// Step 8 for embeddings: strictly read for its usage, recorded, and passed on byte for byte. It can propose nothing.

import type { Refusal } from "../../core/refusal.ts";
import { parseStrictJson } from "../../core/strict-json.ts";
import { isObject } from "../../facts/json-shape.ts";
import type { ProviderAnswer } from "../../providers/provider.ts";
import { readTokenUsage } from "../../usage/token-usage.ts";
import type { CallRun } from "../call-run.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { discard } from "../discard.ts";
import { endRefused, usageOf } from "../ending.ts";
import type { GatewayParts } from "../parts.ts";
import { boundedName, passUpstreamError, passWhole } from "./pass-whole.ts";

export async function answerEmbeddings(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  answer: ProviderAnswer,
  headers: AnswerHeaders,
): Promise<void> {
  const invalid = (detail: string): Promise<void> => {
    const refusal: Refusal = { reason: "upstream_invalid", provider: run.target?.provider ?? "", detail };
    return endRefused(parts, run, client, refusal, { headers, usage: usageOf(run, null, 0) });
  };
  if (answer.kind === "stream") {
    await discard(answer);
    return invalid("it is a stream, and none was asked for");
  }
  if (answer.status < 200 || answer.status > 299)
    return passUpstreamError(parts, run, client, answer, headers);
  const json = parseStrictJson(answer.body, parts.limits.depth);
  if (!json.ok) return invalid(`it is not strict JSON: ${json.failure.detail}`);
  const value = json.value.value;
  if (!isObject(value)) return invalid("it is not a JSON object");
  const model = value["model"];
  return passWhole(parts, run, client, answer, headers, {
    servedModel: boundedName(typeof model === "string" ? model : null),
    finishReasons: [],
    usage: usageOf(run, readTokenUsage(value["usage"]), 0),
    before: [],
  });
}
