// The facts of a call as policy sees them: names as in the Cedar schema, values of plain types.

import type { ChatRequest } from "./chat-request.ts";
import type { EmbeddingsRequest } from "./embeddings-request.ts";

export interface CallFacts {
  readonly requested_model: string;
  readonly message_count: number;
  readonly input_tokens: number;
  readonly output_limit?: number;
  readonly stream: boolean;
  readonly tools: readonly string[];
  readonly has_images: boolean;
  readonly has_audio: boolean;
  readonly has_files: boolean;
  readonly labels: readonly string[];
  readonly user?: string;
  readonly source_address: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

export interface Circumstances {
  readonly sourceAddress: string;
  readonly time: number;
  /** What the detectors found in the request; sorted. */
  readonly labels: readonly string[];
}

export function callFacts(request: ChatRequest | EmbeddingsRequest, circumstances: Circumstances): CallFacts {
  return {
    requested_model: request.requestedModel,
    message_count: request.messageCount,
    input_tokens: request.inputTokens,
    ...(request.outputLimit === null ? {} : { output_limit: request.outputLimit }),
    stream: request.stream,
    tools: [...request.offeredTools.keys()].sort(),
    has_images: request.hasImages,
    has_audio: request.hasAudio,
    has_files: request.hasFiles,
    labels: circumstances.labels,
    ...(request.user === null ? {} : { user: request.user }),
    source_address: circumstances.sourceAddress,
    time: circumstances.time,
  };
}
