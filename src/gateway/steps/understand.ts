// Steps 2 to 4: the request read, its targets found, and its facts described.

import type { Refusal } from "../../core/refusal.ts";
import { ok, type Result } from "../../core/result.ts";
import type { DescribedCall, IdentifiedCall } from "../call.ts";
import type { GatewayParts } from "../parts.ts";
import { describe } from "./describe.ts";
import { parse } from "./parse.ts";
import { resolveTargets } from "./resolve-targets.ts";

export interface Undescribed {
  readonly refusal: Refusal;
  readonly requestedModel: string;
}

export async function understand(
  parts: GatewayParts,
  call: IdentifiedCall,
): Promise<Result<DescribedCall, Undescribed>> {
  const parsed = parse(parts, call);
  if (!parsed.ok) return { ok: false, failure: { refusal: parsed.failure, requestedModel: "" } };
  const targets = resolveTargets(parts, parsed.value);
  if (!targets.ok) {
    return {
      ok: false,
      failure: { refusal: targets.failure, requestedModel: parsed.value.request.requestedModel },
    };
  }
  return ok(await describe(parts, parsed.value, targets.value));
}
