// A call on its way through the gate: each step takes the shape before it and returns the next.

import type { StrictJson } from "../core/strict-json.ts";
import type { CallFacts } from "../facts/call-facts.ts";
import type { ChatRequest } from "../facts/chat-request.ts";
import type { EmbeddingsRequest } from "../facts/embeddings-request.ts";
import type { Texts } from "../facts/texts.ts";
import type { CallSteps } from "./call-steps.ts";

export type Endpoint = "chat" | "embeddings";

export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who holds the key that came with a request. */
export interface KeyHolder {
  readonly application: string;
  readonly keyId: string;
}

/** As it came in. */
export interface IncomingCall {
  readonly endpoint: Endpoint;
  /** What `recognise` found on the request's head. Left out, the key is looked up when the call is identified. */
  readonly holder?: KeyHolder;
  readonly headers: RequestHeaders;
  readonly body: Buffer;
  /** The client's address in text form: the socket's, unless a trusted proxy says otherwise. */
  readonly sourceAddress: string;
  /** `body` as it came, where a sign to pick up what waits was taken out of it. */
  readonly marked?: Buffer;
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
  /** Null when nobody follows this call. */
  readonly steps: CallSteps | null;
}

/** What stays of `parse` to the end. What the body was parsed into does not: it may be many times as large. */
export interface ReadCall extends IdentifiedCall {
  /** Where the members stand in `body`, for edits of its bytes. */
  readonly members: StrictJson["members"];
  readonly request: ChatRequest | EmbeddingsRequest;
}

/** After `parse`: what is forwarded is what was inspected. */
export interface ParsedCall extends ReadCall {
  /** What the detectors have to look at. */
  readonly texts: Texts;
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
export interface DescribedCall extends ReadCall {
  readonly targets: readonly [Target, ...Target[]];
  readonly facts: CallFacts;
  /** Pseudonym of the user that the request asserts, or null. */
  readonly user: string | null;
  /** Whose erasure takes this call's salts and payloads with it: the user, else the application. */
  readonly subject: string;
}
