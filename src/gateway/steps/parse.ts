// Step 2: one strict reading of the body. What cannot be read in exactly one way is not forwarded.

import type { Refusal } from "../../core/refusal.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { parseStrictJson } from "../../core/strict-json.ts";
import { parseChatRequest } from "../../facts/chat-request.ts";
import { parseEmbeddingsRequest } from "../../facts/embeddings-request.ts";
import type { IdentifiedCall, ParsedCall } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

export function parse(
  parts: Pick<GatewayParts, "limits">,
  call: IdentifiedCall,
): Result<ParsedCall, Refusal> {
  const json = parseStrictJson(call.body, parts.limits.depth);
  if (!json.ok) {
    return fail({ reason: "invalid_json", detail: json.failure.detail, offset: json.failure.offset });
  }
  const read =
    call.endpoint === "chat" ? parseChatRequest(json.value, call.body) : parseEmbeddingsRequest(json.value);
  if (!read.ok) return read;
  const { request, texts } = read.value;
  return ok({ ...call, members: json.value.members, request, texts });
}
