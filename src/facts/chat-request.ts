// A chat completions request, described: everything policy and the record say of it comes from here.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import type { StrictJson } from "../core/strict-json.ts";
import { detect } from "./detectors.ts";
import { eachString, isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { readMessages } from "./messages.ts";
import { boundedFeatures, requestFeatures } from "./request-fields.ts";
import {
  assertedUser,
  optionalBoolean,
  optionalCount,
  requestedModel,
  requestObject,
} from "./request-members.ts";
import { invalid } from "./request-refusal.ts";
import { estimateInputTokens } from "./token-estimate.ts";
import { type OfferedTool, offeredTools } from "./tools-offered.ts";

export interface ChatRequest {
  readonly endpoint: "chat";
  /** As the client wrote it: an alias or `provider/model`. */
  readonly requestedModel: string;
  readonly stream: boolean;
  /** Whether the client asked for usage on its stream. */
  readonly includeUsage: boolean;
  /** How many answers it asks for. */
  readonly n: number;
  readonly user: string | null;
  readonly offeredTools: ReadonlyMap<string, OfferedTool>;
  /** What makes the provider act, route or keep something; sorted. See request-fields.ts. */
  readonly features: readonly string[];
  readonly messageCount: number;
  readonly inputTokens: number;
  readonly outputLimit: number | null;
  readonly hasImages: boolean;
  readonly hasAudio: boolean;
  readonly hasFiles: boolean;
  /** What the detectors found in messages, tool results, proposed arguments and `prediction`; sorted. */
  readonly labels: readonly string[];
}

export function parseChatRequest(json: StrictJson): Result<ChatRequest, Refusal> {
  const body = requestObject(json);
  if (!body.ok) return body;
  const settings = readSettings(body.value);
  if (!settings.ok) return settings;
  const tools = offeredTools(body.value);
  if (!tools.ok) return tools;
  const messages = readMessages(member(body.value, "messages"));
  if (!messages.ok) return messages;
  const { count, images, audios, files, labels } = messages.value;
  const features = boundedFeatures([
    ...requestFeatures("chat", body.value),
    ...tools.value.hosted,
    ...messages.value.features,
  ]);
  if (!features.ok) return features;
  eachString(member(body.value, "prediction"), (text) => detect(text, labels));
  const otherBytes = bytesOf(json, "tools") + bytesOf(json, "functions") + bytesOf(json, "prediction");
  const textBytes = messages.value.textBytes + otherBytes;
  return ok({
    endpoint: "chat",
    ...settings.value,
    offeredTools: tools.value.byName,
    features: features.value,
    messageCount: count,
    inputTokens: estimateInputTokens({ textBytes, messages: count, images, audios, files }),
    hasImages: images > 0,
    hasAudio: audios > 0 || asksForAudio(body.value),
    hasFiles: files > 0,
    labels: [...labels].sort(),
  });
}

type Settings = Pick<
  ChatRequest,
  "requestedModel" | "stream" | "includeUsage" | "n" | "user" | "outputLimit"
>;

function readSettings(body: JsonObject): Result<Settings, Refusal> {
  const model = requestedModel(body);
  if (!model.ok) return model;
  const user = assertedUser(body);
  if (!user.ok) return user;
  const stream = optionalBoolean(body, "stream");
  if (!stream.ok) return stream;
  const includeUsage = asksForUsage(body);
  if (!includeUsage.ok) return includeUsage;
  const n = optionalCount(body, "n");
  if (!n.ok) return n;
  const outputLimit = readOutputLimit(body);
  if (!outputLimit.ok) return outputLimit;
  return ok({
    requestedModel: model.value,
    stream: stream.value,
    includeUsage: includeUsage.value,
    n: n.value ?? 1,
    user: user.value,
    outputLimit: outputLimit.value,
  });
}

/** Length of a member as it was written: definitions go to the model much as they are. */
function bytesOf(json: StrictJson, key: string): number {
  const span = json.members?.get(key);
  return span === undefined ? 0 : span.end - span.start;
}

function asksForUsage(body: JsonObject): Result<boolean, Refusal> {
  const options = member(body, "stream_options");
  if (isAbsent(options)) return ok(false);
  if (!isObject(options)) return invalid("stream_options", "`stream_options` must be an object");
  const asked = optionalBoolean(options, "include_usage");
  if (asked.ok) return asked;
  return invalid("stream_options.include_usage", "`stream_options.include_usage` must be true or false");
}

/** With both names present the larger counts, because a provider may honour either. */
function readOutputLimit(body: JsonObject): Result<number | null, Refusal> {
  const legacy = optionalCount(body, "max_tokens");
  if (!legacy.ok) return legacy;
  const current = optionalCount(body, "max_completion_tokens");
  if (!current.ok || legacy.value === null) return current;
  return ok(Math.max(legacy.value, current.value ?? 0));
}

function asksForAudio(body: JsonObject): boolean {
  const modalities = member(body, "modalities");
  return Array.isArray(modalities) && modalities.includes("audio");
}
