// Whoever asked for something takes it back: with a key of the same application, and the id that its client was told.

import { LogUnavailableError } from "../audit/log-store.ts";
import type { Refusal } from "../core/refusal.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { RequestHeaders } from "./call.ts";
import type { GatewayParts } from "./parts.ts";
import { recognise } from "./steps/identify.ts";

export interface CancelledApproval {
  readonly id: string;
  readonly object: "portcullis.approval";
  readonly state: "cancelled";
}

/** What waits is cancelled, and so is what was approved and not used yet. Rejects when the store cannot be read. */
export async function cancelApproval(
  parts: Pick<GatewayParts, "keys" | "applications" | "holding">,
  headers: RequestHeaders,
  sourceAddress: string,
  id: string,
): Promise<Result<CancelledApproval, Refusal>> {
  const holder = recognise(parts, headers, sourceAddress);
  if (!holder.ok) return holder;
  try {
    const cancelled = await parts.holding.desk.cancel(id, holder.value.application);
    if (cancelled.ok) return ok({ id, object: "portcullis.approval", state: "cancelled" });
    const { failure } = cancelled;
    return failure.reason === "not_pending"
      ? fail({ reason: "approval_decided", approval: id, state: failure.state })
      : fail({ reason: "approval_not_found", approval: id });
  } catch (fault) {
    if (fault instanceof LogUnavailableError) return fail({ reason: "trail_unavailable" });
    throw fault;
  }
}
