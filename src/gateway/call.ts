// A call on its way through the gate: each step takes the shape before it and returns the next.

import type { StrictJson } from "../core/strict-json.ts";
import type { CallFacts } from "../facts/call-facts.ts";
import type { ChatRequest } from "../facts/chat-request.ts";
import type { EmbeddingsRequest } from "../facts/embeddings-request.ts";

export type Endpoint = "chat" | "embeddings";

export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** As it came in. */
export interface IncomingCall {
  readonly endpoint: Endpoint;
  readonly headers: RequestHeaders;
  readonly body: Buffer;
  /** The client's address in text form: the socket's, unless a trusted proxy says otherwise. */
  readonly sourceAddress: string;
  /** `performance.now()` when the request's headers had arrived. */
  readonly arrivedAt: number;
}

/** What is kept, encrypted, beside the trail. Each level includes those before it. */
export type PayloadLevel = "none" | "metadata" | "request" | "response";

export interface CallApplication {
  readonly name: string;
  readonly groups: readonly string[];
  readonly payloads: PayloadLevel;
}

/** After `identify`: it has a name and somebody who makes it. */
export interface IdentifiedCall extends IncomingCall {
  /** `call_<uuidv7>`. */
  readonly id: string;
  readonly application: CallApplication;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** After `parse`: what is forwarded is what was inspected. */
export interface ParsedCall extends IdentifiedCall {
  readonly json: StrictJson;
  readonly request: ChatRequest | EmbeddingsRequest;
}

/** `provider/model`, concrete: policy decides this and never an alias. */
export interface Target {
  readonly provider: string;
  readonly model: string;
}

export function targetId(target: Target): string {
  return `${target.provider}/${target.model}`;
}

/** After `resolve` and `describe`: what policy will see. */
export interface DescribedCall extends ParsedCall {
  readonly targets: readonly [Target, ...Target[]];
  readonly facts: CallFacts;
  /** Pseudonym of the user that the request asserts, or null. */
  readonly user: string | null;
  /** Whose erasure takes this call's salts and payloads with it: the user, else the application. */
  readonly subject: string;
}
