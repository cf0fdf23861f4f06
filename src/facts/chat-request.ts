// A chat completions request, described: everything policy and the record say of it comes from here.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import type { StrictJson } from "../core/strict-json.ts";
import { foldedMember } from "./folded-member.ts";
import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { knownFields } from "./known-fields.ts";
import { addRuns } from "./message-content.ts";
import { readMessages } from "./messages.ts";
import { readOutputLimit } from "./output-limit.ts";
import { boundedFeatures, requestFeatures } from "./request-fields.ts";
import {
  answerCount,
  assertedUser,
  optionalBoolean,
  type RequestReading,
  requestedModel,
  requestObject,
} from "./request-members.ts";
import { invalid } from "./request-refusal.ts";
import { estimateInputTokens } from "./token-estimate.ts";
import { ToolDefinitions } from "./tool-definitions.ts";
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
}

/** `json` is what `body` holds. */
export function parseChatRequest(
  json: StrictJson,
  body: Buffer,
): Result<RequestReading<ChatRequest>, Refusal> {
  const object = requestObject(json, "chat");
  if (!object.ok) return object;
  const settings = readSettings(object.value);
  if (!settings.ok) return settings;
  const tools = offeredTools(object.value, new ToolDefinitions(json, body));
  if (!tools.ok) return tools;
  const messages = readMessages(member(object.value, "messages"));
  if (!messages.ok) return messages;
  const { count, images, audios, files, texts } = messages.value;
  const features = boundedFeatures([
    ...requestFeatures("chat", object.value),
    ...tools.value.hosted,
    ...messages.value.features,
  ]);
  if (!features.ok) return features;
  for (const key in object.value) {
    if (key !== "messages") texts.addMember(key, object.value[key], knownFields.chat.names);
  }
  const prediction = member(object.value, "prediction");
  if (isObject(prediction)) addRuns(texts, member(prediction, "content"));
  const otherBytes = promptFields.reduce((sum, field) => sum + bytesOf(json, field), 0);
  const textBytes = messages.value.textBytes + otherBytes;
  const request: ChatRequest = {
    endpoint: "chat",
    ...settings.value,
    offeredTools: tools.value.byName,
    features: features.value,
    messageCount: count,
    inputTokens: estimateInputTokens({ textBytes, messages: count, images, audios, files }),
    hasImages: images > 0,
    hasAudio: audios > 0 || asksForAudio(object.value),
    hasFiles: files > 0,
  };
  return ok({ request, texts });
}

/** Besides the messages: these go to the model much as they are written. */
const promptFields = ["tools", "functions", "prediction", "documents"] as const;

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
  const folded = foldedSetting(body);
  if (folded !== null) return folded;
  const includeUsage = asksForUsage(body);
  if (!includeUsage.ok) return includeUsage;
  const n = answerCount(body);
  if (!n.ok) return n;
  const outputLimit = readOutputLimit(body);
  if (!outputLimit.ok) return outputLimit;
  return ok({
    requestedModel: model.value,
    stream: stream.value,
    includeUsage: includeUsage.value,
    n: n.value,
    user: user.value,
    outputLimit: outputLimit.value,
  });
}

const settingMembers: readonly (readonly [string, ReadonlySet<string>])[] = [
  ["stream_options", new Set(["include_obfuscation", "include_usage"])],
  ["response_format", new Set(["json_schema", "name", "schema", "strict", "type"])],
  ["tool_choice", new Set(["allowed_tools", "custom", "function", "mode", "name", "tools", "type"])],
  ["prediction", new Set(["content", "type"])],
];

function foldedSetting(body: JsonObject): ReturnType<typeof foldedMember> {
  for (const [field, names] of settingMembers) {
    const value = member(body, field);
    const folded = isObject(value) ? foldedMember(value, names, field) : null;
    if (folded !== null) return folded;
  }
  return null;
}

/** Length of a member as it was written. */
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

function asksForAudio(body: JsonObject): boolean {
  const modalities = member(body, "modalities");
  return Array.isArray(modalities) && modalities.includes("audio");
}
