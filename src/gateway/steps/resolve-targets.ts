// Step 3: from the name the client wrote to the concrete `provider/model` that policy decides about.

import type { Refusal } from "../../core/refusal.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { ParsedCall, Target } from "../call.ts";
import type { GatewayParts } from "../parts.ts";

export function resolveTargets(
  parts: Pick<GatewayParts, "router">,
  call: ParsedCall,
): Result<readonly [Target, ...Target[]], Refusal> {
  const [first, ...rest] = parts.router.resolve(call.request.requestedModel);
  if (first === undefined) return fail({ reason: "model_not_found", model: call.request.requestedModel });
  return ok([first, ...rest]);
}
