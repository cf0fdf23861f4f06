// Step 1: who is calling. A call without a valid key gets no further, and is never on the trail.

import { newId } from "../../core/id.ts";
import type { Refusal } from "../../core/refusal.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { IdentifiedCall, IncomingCall } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

export function identify(
  parts: Pick<GatewayParts, "keys" | "applications" | "clock">,
  incoming: IncomingCall,
): Result<IdentifiedCall, Refusal> {
  const holder = parts.keys.identify(incoming.headers, incoming.sourceAddress);
  if (!holder.ok) return holder;
  const application = parts.applications.get(holder.value.application);
  // A key can outlive its application's place in the config.
  if (application === undefined) return fail({ reason: "invalid_api_key" });
  const time = parts.clock.now();
  return ok({ ...incoming, id: newId("call", time), application, time });
}
