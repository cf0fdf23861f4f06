// What the head of a request says about its body, judged before a byte of it is read.

import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "../core/refusal.ts";

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Why a body that is announced so is not read; null when it is. */
export function bodyRefusal(headers: IncomingHttpHeaders, limitBytes: number): Refusal | null {
  const type = headers["content-type"];
  if (type === undefined ? hasBody(headers) : !isJson(type)) {
    return unsupported("the request body must be `application/json`");
  }
  if (!isUtf8(type))
    return unsupported("the request body must be in UTF-8, which is the only charset of JSON");
  if (isEncoded(headers["content-encoding"])) {
    return unsupported("the request body must not be compressed: what is inspected is what is sent");
  }
  if (Number(headers["content-length"]) > limitBytes) return { reason: "body_too_large", limitBytes };
  return null;
}

function unsupported(detail: string): Refusal {
  return { reason: "unsupported_media_type", detail };
}

function isJson(type: string): boolean {
  return type.split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

// RFC 8259 defines no `charset` for JSON; clients send it all the same, and another one would be another reading.
function isUtf8(type: string | undefined): boolean {
  const charsets = type?.matchAll(/;\s*charset\s*=\s*"?([^";]*)"?/gi) ?? [];
  return [...charsets].every(([, charset = ""]) => /^utf-?8$/i.test(charset.trim()));
}

function isEncoded(encoding: string | undefined): boolean {
  return (encoding ?? "").split(",").some((one) => !/^(?:identity)?$/i.test(one.trim()));
}
