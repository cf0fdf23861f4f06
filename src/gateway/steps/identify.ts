// Step 1: who is calling. A call without a valid key gets no further, and is never on the trail.

import { newId } from "../../core/id.ts";
import type { Refusal } from "../../core/refusal.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { IdentifiedCall, IncomingCall, KeyHolder, RequestHeaders } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

/** Needs the head of a request only, so that a stranger costs neither a slot nor a body. Counts keys that are not valid. */
export function recognise(
  parts: Pick<GatewayParts, "keys" | "applications">,
  headers: RequestHeaders,
  sourceAddress: string,
): Result<KeyHolder, Refusal> {
  const holder = parts.keys.identify(headers, sourceAddress);
  // A key can outlive its application's place in the config.
  if (holder.ok && !parts.applications.has(holder.value.application)) return fail(unknownKey);
  return holder;
}

/** The key is looked up once: here, unless `recognise` was asked before. */
export function identify(
  parts: Pick<GatewayParts, "keys" | "applications" | "clock" | "watch">,
  incoming: IncomingCall,
): Result<IdentifiedCall, Refusal> {
  const holder =
    incoming.holder === undefined
      ? recognise(parts, incoming.headers, incoming.sourceAddress)
      : ok(incoming.holder);
  if (!holder.ok) return holder;
  const application = parts.applications.get(holder.value.application);
  // The config may have changed since the head of the request was read.
  if (application === undefined) return fail(unknownKey);
  const time = parts.clock.now();
  return ok({ ...incoming, id: newId("call", time), application, time, steps: parts.watch.begins(incoming) });
}

const unknownKey: Refusal = { reason: "invalid_api_key" };
