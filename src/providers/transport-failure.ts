// What an error of the HTTP client means to a call. The text names the kind of failure and never quotes what the upstream
// sent.

import { errors } from "undici";
import type { ProviderFailure } from "./provider.ts";

/** `answered`: the status line had arrived. */
export function failureOf(error: Error, answered: boolean): ProviderFailure {
  if (error instanceof errors.HTTPParserError) {
    return { reason: "invalid", detail: "what it answers is not HTTP/1.1" };
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { reason: "timeout", detail: "no connection could be made in time" };
    case "UND_ERR_HEADERS_TIMEOUT":
      return { reason: "timeout", detail: "it did not begin to answer in time" };
    case "UND_ERR_BODY_TIMEOUT":
      return { reason: "timeout", detail: "it stopped in the middle of its answer" };
    case "EGRESS_REFUSED":
      return { reason: "unreachable", detail: error.message };
    case "UND_ERR_HEADERS_OVERFLOW":
      return { reason: "invalid", detail: "the headers of its answer are too large" };
    case "UND_ERR_DESTROYED":
    case "UND_ERR_CLOSED":
      return { reason: "unavailable", detail: "the gateway is closing its connections" };
    default:
      break;
  }
  if (answered) return { reason: "invalid", detail: "the connection broke before the answer was complete" };
  const suffix = /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? ` (${code})` : "";
  return { reason: "unreachable", detail: `the connection failed${suffix}` };
}
