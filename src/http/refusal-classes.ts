// What each refusal means to a client: HTTP status, OpenAI error type, whether to try again, what to do. docs/errors.md
// is generated from this table.

import type { RefusalReason } from "../core/refusal.ts";

/** Error types as OpenAI's API names them. */
export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "rate_limit_error"
  | "api_error"
  | "service_unavailable";

export interface RefusalClass {
  readonly status: number;
  readonly type: ErrorType;
  /** Whether sending the same request again may succeed without anybody changing anything. */
  readonly retriable: boolean;
  /** What the reader of the error should do. */
  readonly advice: string;
}

export const refusalClasses: Readonly<Record<RefusalReason, RefusalClass>> = {
  missing_api_key: {
    status: 401,
    type: "authentication_error",
    retriable: false,
    advice:
      "send a key as `Authorization: Bearer`, `x-api-key` or `api-key`; `portcullis keys create` makes one",
  },
  conflicting_credentials: {
    status: 400,
    type: "invalid_request_error",
    retriable: false,
    advice: "send one key only; the headers of this request hold different ones",
  },
  invalid_api_key: {
    status: 401,
    type: "authentication_error",
    retriable: false,
    advice: "check the key; it may be mistyped, expired or revoked (`portcullis keys list`)",
  },
  too_many_failed_keys: {
    status: 429,
    type: "rate_limit_error",
    retriable: true,
    advice: "stop sending keys that are not valid; wait for the time in `Retry-After`",
  },
  unknown_route: {
    status: 404,
    type: "invalid_request_error",
    retriable: false,
    advice: "use one of the paths that the message names",
  },
  unsupported_media_type: {
    status: 415,
    type: "invalid_request_error",
    retriable: false,
    advice: "send `content-type: application/json` without a content encoding",
  },
  body_too_large: {
    status: 413,
    type: "invalid_request_error",
    retriable: false,
    advice: "send less, or have `limits.body` raised",
  },
  invalid_json: {
    status: 400,
    type: "invalid_request_error",
    retriable: false,
    advice:
      "send strict JSON: valid UTF-8, no duplicate keys, no lone surrogates, nesting within `limits.depth`, no more values than one document may hold",
  },
  invalid_request: {
    status: 400,
    type: "invalid_request_error",
    retriable: false,
    advice: "correct the request; `param` names the field if there is one",
  },
  undescribable: {
    status: 400,
    type: "invalid_request_error",
    retriable: false,
    advice: "the request holds something that cannot be described to policy; the message says what",
  },
  model_not_found: {
    status: 404,
    type: "invalid_request_error",
    retriable: false,
    advice: "use a model that `GET /v1/models` lists, as `provider/model` or an alias",
  },
  policy_denied: {
    status: 403,
    type: "permission_error",
    retriable: false,
    advice: "read the reasons; ask the author of the policies named if the call should be allowed",
  },
  rate_limited: {
    status: 429,
    type: "rate_limit_error",
    retriable: true,
    advice:
      "a limit of the policies named is used up; wait for the time in `Retry-After`, when its window of the UTC calendar ends, or ask for less",
  },
  policy_error: {
    status: 403,
    type: "permission_error",
    retriable: false,
    advice:
      "a policy failed while it was evaluated, which denies; its author finds it named here and in the log",
  },
  approval_required: {
    status: 403,
    type: "permission_error",
    retriable: false,
    advice: "policy wants the sign-offs named before this may happen",
  },
  idempotency_conflict: {
    status: 422,
    type: "invalid_request_error",
    retriable: false,
    advice: "send another `Idempotency-Key` with another request, and the same one only with the same body",
  },
  approval_pending: {
    status: 409,
    type: "invalid_request_error",
    retriable: true,
    advice:
      "it waits for the sign-offs that policy asks for; send the same request again after `Retry-After`, and it goes on where it was",
  },
  approval_not_found: {
    status: 404,
    type: "invalid_request_error",
    retriable: false,
    advice: "use the id that the message about what waits names, and a key of the application that asked",
  },
  approval_decided: {
    status: 409,
    type: "invalid_request_error",
    retriable: false,
    advice: "nothing of it can be taken back any more; an operator sees what became of it",
  },
  approval_refused: {
    status: 403,
    type: "permission_error",
    retriable: false,
    advice: "nobody signed it off; the message says who decided, and why",
  },
  tool_call_denied: {
    status: 403,
    type: "permission_error",
    retriable: false,
    advice: "the model proposed a tool call that policy does not permit; the reasons say why",
  },
  provider_unavailable: {
    status: 503,
    type: "service_unavailable",
    retriable: false,
    advice: "the provider has no usable key: `portcullis secrets set` puts one in",
  },
  circuit_open: {
    status: 503,
    type: "service_unavailable",
    retriable: true,
    advice:
      "the model failed so often lately that its provider is not asked for a while; try again after `Retry-After`",
  },
  upstream_unreachable: {
    status: 502,
    type: "api_error",
    retriable: true,
    advice: "the provider could not be reached; try again, or check its `base_url`",
  },
  upstream_timeout: {
    status: 504,
    type: "api_error",
    retriable: true,
    advice: "the provider took longer than its `timeout`; try again or raise it",
  },
  upstream_invalid: {
    status: 502,
    type: "api_error",
    retriable: true,
    advice: "the provider's answer broke off or is not what its API promises, so it was not passed on",
  },
  upstream_too_large: {
    status: 502,
    type: "api_error",
    retriable: false,
    advice: "the provider's answer is larger than `limits.response`; ask for less or raise it",
  },
  overloaded: {
    status: 503,
    type: "service_unavailable",
    retriable: true,
    advice: "the gateway works on as many calls as it may; try again after `Retry-After`",
  },
  draining: {
    status: 503,
    type: "service_unavailable",
    retriable: true,
    advice: "the gateway is shutting down; try again after `Retry-After`",
  },
  trail_unavailable: {
    status: 503,
    type: "service_unavailable",
    retriable: true,
    advice:
      "the call could not be recorded, so it did not happen; the operator should look at the disk of `data`, or at the `database`",
  },
  answer_unrecorded: {
    status: 503,
    type: "service_unavailable",
    retriable: true,
    advice:
      "the provider was asked, and its answer could not be recorded; the operator should look at the disk of `data`, or at the `database`, and asking again asks the provider again",
  },
  internal: {
    status: 500,
    type: "api_error",
    retriable: true,
    advice: "a fault of the gateway; its log names the call",
  },
  client_closed: {
    status: 499,
    type: "invalid_request_error",
    retriable: true,
    advice: "the client went away before its answer was complete",
  },
};
