// The only place where a refusal becomes something on the wire.

import type { DeterminingPolicy, Refusal, RefusalReason } from "../core/refusal.ts";
import { type ErrorType, refusalClasses } from "./refusal-classes.ts";
import { refusalMessage } from "./refusal-message.ts";

/** OpenAI's error shape, with a `portcullis` object beside it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ErrorType;
    readonly code: RefusalReason;
    readonly param: string | null;
  };
  readonly portcullis: {
    readonly call: string | null;
    readonly advice: string;
    readonly policies?: readonly DeterminingPolicy[];
    readonly sign_offs?: readonly string[];
    readonly tools?: readonly string[];
  };
}

export interface RefusalResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

export function refusalToResponse(refusal: Refusal, call: string | null): RefusalResponse {
  const { status, type, advice } = refusalClasses[refusal.reason];
  return {
    status,
    headers: refusalHeaders(refusal),
    body: {
      error: {
        message: refusalMessage(refusal),
        type,
        code: refusal.reason,
        param:
          refusal.reason === "invalid_request"
            ? refusal.param
            : refusal.reason === "model_not_found"
              ? "model"
              : null,
      },
      portcullis: {
        call,
        advice,
        ...("policies" in refusal ? { policies: refusal.policies } : {}),
        ...("signOffs" in refusal ? { sign_offs: refusal.signOffs } : {}),
        ...("tools" in refusal && refusal.tools.length > 0 ? { tools: refusal.tools } : {}),
      },
    },
  };
}

/** What OpenAI's SDKs take from `Retry-After`: https://github.com/openai/openai-node, `retryRequest`. */
const longestWaitSeconds = 60;

function refusalHeaders(refusal: Refusal): Readonly<Record<string, string>> {
  switch (refusal.reason) {
    case "circuit_open":
    case "overloaded":
    case "draining":
    case "too_many_failed_keys":
      return { "retry-after": String(refusal.retryAfterSeconds) };
    case "approval_pending":
      return {
        "retry-after": String(refusal.retryAfterSeconds),
        location: refusal.location,
        // SDKs do not try again on a 409 of their own accord.
        "x-should-retry": "true",
      };
    case "rate_limited":
      return {
        "retry-after": String(refusal.retryAfterSeconds),
        // SDKs would not wait for as long as that, and try again at once.
        ...(refusal.retryAfterSeconds > longestWaitSeconds ? { "x-should-retry": "false" } : {}),
      };
    case "trail_unavailable":
    case "answer_unrecorded":
      return { "retry-after": "1" };
    case "missing_api_key":
    case "invalid_api_key":
      return { "www-authenticate": 'Bearer realm="portcullis"' };
    case "policy_denied":
    case "policy_error":
    case "approval_required":
    case "approval_refused":
    case "tool_call_denied":
      // SDKs retry on this header's word before they look at the status.
      return { "x-should-retry": "false" };
    default:
      return {};
  }
}
