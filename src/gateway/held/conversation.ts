// By what a request is known again: its conversation, and the request itself when it is retried.

import { hash } from "node:crypto";
import { isObject, type JsonObject, member } from "../../facts/json-shape.ts";
import { canonicalForm } from "../../facts/tool-digest.ts";
import type { DescribedCall, RequestHeaders } from "../call.ts";

export interface RequestIdentity {
  /** SHA-256, hex: scoped to application and user, and no authority for anything. */
  readonly conversation: string;
  /**
   * SHA-256, hex: equal for a retry of the same request. Where the client names its request (`Idempotency-Key`), equal for all
   * that it calls so.
   */
  readonly attachKey: string;
  /** SHA-256, hex, of what is asked: equal for the same request and for nothing else. */
  readonly request: string;
  readonly messages: readonly unknown[];
}

const longestName = 256;

/** Parses the body once more: asked only of the few requests that wait or may pick up what waited. */
export function requestIdentity(
  call: Pick<DescribedCall, "application" | "user" | "endpoint" | "headers" | "body">,
): RequestIdentity {
  const parsed: unknown = JSON.parse(call.body.toString("utf8"));
  const body = isObject(parsed) ? parsed : {};
  const listed = member(body, "messages");
  const messages: readonly unknown[] = Array.isArray(listed) ? listed : [];
  const principal = [call.application.name, call.user];
  const named = statedConversation(call.headers, body);
  const conversation = digest([
    "portcullis/conversation/v1",
    ...principal,
    ...(named === null ? ["begins", beginning(messages)] : ["named", named]),
  ]);
  const request = digest(["portcullis/request/v1", ...principal, call.endpoint, conversation, body]);
  const key = idempotencyKey(call.headers);
  const attachKey =
    key === null ? request : digest(["portcullis/idempotency/v1", ...principal, call.endpoint, key]);
  return { conversation, attachKey, request, messages };
}

/** Null where there is none, or there are several, of which none counts. */
function idempotencyKey(headers: RequestHeaders): string | null {
  const stated = headers["idempotency-key"];
  const keys = typeof stated === "string" ? [stated] : (stated ?? []);
  const [key] = keys;
  return keys.length !== 1 || key === undefined || key === "" ? null : key;
}

function statedConversation(headers: RequestHeaders, body: JsonObject): string | null {
  const stated = headers["x-portcullis-conversation"];
  const header = typeof stated === "string" ? stated : stated?.[0];
  const metadata = member(body, "metadata");
  const named = header ?? (isObject(metadata) ? member(metadata, "conversation_id") : undefined);
  return typeof named === "string" && named !== "" ? named.slice(0, longestName) : null;
}

/** What stays the same while a conversation goes on: what it was set up with, and what was asked first. */
function beginning(messages: readonly unknown[]): readonly unknown[] {
  const first = messages.findIndex((message) => isObject(message) && member(message, "role") === "user");
  return first === -1 ? messages : messages.slice(0, first + 1);
}

function digest(value: unknown): string {
  return hash("sha256", canonicalForm(value), "hex");
}
