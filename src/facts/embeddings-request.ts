// An embeddings request, described. Where its input is tokens, the detectors cannot read what they say.

import type { Refusal } from "../core/refusal.ts";
import { ok, type Result } from "../core/result.ts";
import type { StrictJson } from "../core/strict-json.ts";
import { member } from "./json-shape.ts";
import { knownFields } from "./known-fields.ts";
import { boundedFeatures, requestFeatures } from "./request-fields.ts";
import { assertedUser, type RequestReading, requestedModel, requestObject } from "./request-members.ts";
import { invalid } from "./request-refusal.ts";
import { Texts } from "./texts.ts";
import { estimateInputTokens } from "./token-estimate.ts";
import type { OfferedTool } from "./tools-offered.ts";

export interface EmbeddingsRequest {
  readonly endpoint: "embeddings";
  readonly requestedModel: string;
  readonly stream: false;
  readonly includeUsage: false;
  readonly user: string | null;
  readonly offeredTools: ReadonlyMap<string, OfferedTool>;
  readonly features: readonly string[];
  /** How many inputs. */
  readonly messageCount: number;
  readonly inputTokens: number;
  readonly outputLimit: null;
  readonly hasImages: false;
  readonly hasAudio: false;
  readonly hasFiles: false;
}

export function parseEmbeddingsRequest(json: StrictJson): Result<RequestReading<EmbeddingsRequest>, Refusal> {
  const body = requestObject(json, "embeddings");
  if (!body.ok) return body;
  const model = requestedModel(body.value);
  if (!model.ok) return model;
  const user = assertedUser(body.value);
  if (!user.ok) return user;
  const input = readInput(member(body.value, "input"));
  if (!input.ok) return input;
  const features = boundedFeatures(requestFeatures("embeddings", body.value));
  if (!features.ok) return features;
  const request: EmbeddingsRequest = {
    endpoint: "embeddings",
    requestedModel: model.value,
    stream: false,
    includeUsage: false,
    user: user.value,
    offeredTools: new Map(),
    features: features.value,
    messageCount: input.value.count,
    inputTokens: input.value.tokens,
    outputLimit: null,
    hasImages: false,
    hasAudio: false,
    hasFiles: false,
  };
  const texts = new Texts();
  for (const key in body.value) texts.addMember(key, body.value[key], knownFields.embeddings.names);
  return ok({ request, texts });
}

interface Input {
  readonly count: number;
  readonly tokens: number;
}

/** A string, strings, tokens, or arrays of tokens. */
function readInput(input: unknown): Result<Input, Refusal> {
  const items: readonly unknown[] = Array.isArray(input) && typeof input[0] !== "number" ? input : [input];
  if (items.length === 0) return invalid("input", "`input` must not be empty");
  let textBytes = 0;
  let tokens = 0;
  for (const item of items) {
    if (typeof item === "string") textBytes += Buffer.byteLength(item);
    else if (Array.isArray(item) && item.every((token) => Number.isSafeInteger(token))) {
      tokens += item.length;
    } else {
      return invalid("input", "`input` must be a string, an array of strings, or tokens");
    }
  }
  const estimated = estimateInputTokens({ textBytes, messages: 0, images: 0, audios: 0, files: 0 });
  return ok({ count: items.length, tokens: tokens + estimated });
}
