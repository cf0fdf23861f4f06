// Every way in which Portcullis can say no. One tagged union for the whole product; `http/refusal-to-response.ts` is
// its only mapping to the wire, and the table in docs/errors.md is generated from that mapping.

/** A policy that determined a decision, with the text of its `@reason`. */
export interface DeterminingPolicy {
  readonly id: string;
  readonly reason: string;
}

/** How the call came by what an earlier one had left waiting, which it does not get. */
export type PickUp = "retry" | "later_message";

export type Refusal =
  // who is calling
  | { readonly reason: "missing_api_key" }
  | { readonly reason: "conflicting_credentials" }
  | { readonly reason: "invalid_api_key" }
  | { readonly reason: "too_many_failed_keys"; readonly retryAfterSeconds: number }
  // what was sent
  | { readonly reason: "unknown_route"; readonly method: string; readonly path: string }
  | { readonly reason: "unsupported_media_type"; readonly detail: string }
  | { readonly reason: "body_too_large"; readonly limitBytes: number }
  | { readonly reason: "invalid_json"; readonly detail: string; readonly offset: number | null }
  | { readonly reason: "invalid_request"; readonly param: string | null; readonly detail: string }
  | { readonly reason: "undescribable"; readonly detail: string }
  | { readonly reason: "model_not_found"; readonly model: string }
  // what policy says
  | {
      readonly reason: "policy_denied";
      readonly policies: readonly DeterminingPolicy[];
      /** What is not permitted, in words: all there is to say when no policy permits it. */
      readonly detail: string | null;
      readonly pickUp?: PickUp;
    }
  | {
      readonly reason: "rate_limited";
      /** Forbids that read nothing but what was used. */
      readonly policies: readonly DeterminingPolicy[];
      readonly retryAfterSeconds: number;
    }
  | {
      readonly reason: "policy_error";
      readonly policies: readonly DeterminingPolicy[];
      readonly detail: string;
    }
  | {
      readonly reason: "approval_required";
      readonly signOffs: readonly string[];
      readonly policies: readonly DeterminingPolicy[];
      /** The tools whose calls wait; empty when the call itself is held. */
      readonly tools: readonly string[];
      readonly pickUp?: PickUp;
    }
  /** The name that the client gives this request is another's of its own. */
  | { readonly reason: "idempotency_conflict" }
  /** It waits still, and this connection cannot: the same request finds it again. */
  | { readonly reason: "approval_pending"; readonly location: string; readonly retryAfterSeconds: number }
  /** Of another application it is said as well that there is none. */
  | { readonly reason: "approval_not_found"; readonly approval: string }
  | { readonly reason: "approval_decided"; readonly approval: string; readonly state: string }
  /** Nobody signed it off. */
  | { readonly reason: "approval_refused"; readonly detail: string }
  | {
      readonly reason: "tool_call_denied";
      readonly tools: readonly string[];
      readonly detail: string;
      readonly policies: readonly DeterminingPolicy[];
    }
  // what the provider did
  | { readonly reason: "provider_unavailable"; readonly provider: string; readonly detail: string }
  | {
      readonly reason: "circuit_open";
      readonly provider: string;
      readonly model: string;
      readonly retryAfterSeconds: number;
    }
  | { readonly reason: "upstream_unreachable"; readonly provider: string; readonly detail: string }
  | { readonly reason: "upstream_timeout"; readonly provider: string; readonly detail: string }
  | { readonly reason: "upstream_invalid"; readonly provider: string; readonly detail: string }
  | { readonly reason: "upstream_too_large"; readonly provider: string; readonly limitBytes: number }
  // what we ourselves cannot do now
  | { readonly reason: "overloaded"; readonly retryAfterSeconds: number }
  | { readonly reason: "draining"; readonly retryAfterSeconds: number }
  | { readonly reason: "trail_unavailable" }
  | { readonly reason: "answer_unrecorded" }
  | { readonly reason: "internal" }
  // nobody is left to read this one; it is recorded all the same
  | { readonly reason: "client_closed" };

export type RefusalReason = Refusal["reason"];
