// What an error of the HTTP client means to a call. The text names the kind of failure and never quotes what the upstream
// sent.

import { errors } from "undici";
import type { ProviderFailure } from "./provider.ts";

/** How far an exchange had come: nothing written, nothing of the answer read, or its status line read. */
export type Progress = "unsent" | "sent" | "answered";

export function failureOf(error: Error, progress: Progress): ProviderFailure {
  const failure = kindOf(error, progress);
  return progress === "unsent" ? { ...failure, unsent: true } : failure;
}

function kindOf(error: Error, progress: Progress): ProviderFailure {
  if (error instanceof errors.HTTPParserError) {
    return { reason: "invalid", detail: "what it answers is not HTTP/1.1" };
  }
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return { reason: "timeout", detail: "no connection could be made in time", transient: true };
    case "UND_ERR_HEADERS_TIMEOUT":
      return { reason: "timeout", detail: "it did not begin to answer in time" };
    case "UND_ERR_BODY_TIMEOUT":
      return { reason: "timeout", detail: "it stopped in the middle of its answer" };
    case "EGRESS_REFUSED":
      return { reason: "unreachable", detail: error.message };
    case "UND_ERR_HEADERS_OVERFLOW":
      return { reason: "invalid", detail: "the headers of its answer are too large" };
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return { reason: "invalid", detail: "its answer has another length than it says" };
    case "UND_ERR_DESTROYED":
    case "UND_ERR_CLOSED":
      return { reason: "unavailable", detail: "the gateway is closing its connections" };
    default:
      break;
  }
  if (progress === "answered") {
    return { reason: "invalid", detail: "the connection broke before the answer was complete" };
  }
  const suffix = /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? ` (${code})` : "";
  const tls = tlsFaults.get(code);
  if (tls !== undefined) return { reason: "unreachable", detail: `${tls}${suffix}` };
  if (/^(?:CERT_|ERR_TLS_|ERR_SSL_)/.test(code) || code === "EPROTO") {
    return { reason: "unreachable", detail: `no TLS connection could be made${suffix}` };
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return { reason: "unreachable", detail: `its name cannot be resolved${suffix}`, transient: true };
  }
  return { reason: "unreachable", detail: `the connection failed${suffix}`, transient: true };
}

const untrusted = "its certificate is signed by nobody whom this host trusts";

/** Nothing that asking again would change. */
const tlsFaults: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired"],
  ["CERT_NOT_YET_VALID", "its certificate is not valid yet; look at the clock of this host"],
  ["CERT_REVOKED", "its certificate was revoked"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for another name than that in `base_url`"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", untrusted],
  ["SELF_SIGNED_CERT_IN_CHAIN", untrusted],
  ["UNABLE_TO_GET_ISSUER_CERT", untrusted],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", untrusted],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", untrusted],
]);
