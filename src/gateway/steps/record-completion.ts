// The last step: how the call ended and what it used, durable before the last byte of its answer goes out.

import { commitment } from "portcullis-verify/leaves/commitment.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { type IdentifiedCall, targetId } from "../call.ts";
import { type CallRun, type Completion, noUsage } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";
import type { Recording } from "../recording.ts";

/** What a leaf can hold; `dispatches` counts all that were sent. */
const maxFailed = 32;

type CompletionParts = Pick<GatewayParts, "trail" | "prices">;

/** The entry that ends the call. */
export function completionEntry(parts: CompletionParts, run: CallRun, completion: Completion): Recording {
  const { call } = run;
  const salt = completion.responseDigest === null ? null : parts.trail.newSalt(call.subject);
  const cost = run.target === null ? null : parts.prices.cost(targetId(run.target), completion.usage);
  const entry = parts.trail.encode(
    {
      type: "call.completed",
      actor: { kind: "application", id: call.application.name },
      call: call.id,
      endpoint: call.endpoint,
      application: call.application.name,
      user: call.user,
      outcome: completion.outcome,
      reason: completion.reason,
      status: completion.status,
      stream: call.request.stream,
      dispatches: run.sent,
      ...failedTries(run),
      target: run.target === null ? null : targetId(run.target),
      served_model: completion.servedModel,
      finish_reasons: [...completion.finishReasons],
      usage: { ...completion.usage },
      cost_micro_usd: cost === null ? null : cost.microUsd,
      price_source: cost === null ? null : cost.source,
      total_ms: elapsedMs(call, performance.now()),
      first_byte_ms: run.firstByteAt === null ? null : elapsedMs(call, run.firstByteAt),
      ...(completion.hold === undefined ? {} : { hold: completion.hold }),
      response:
        salt === null || completion.responseDigest === null
          ? null
          : commitment(salt.bytes, "call.completed", "response", completion.responseDigest),
    },
    salt,
  );
  const kept = call.application.payloads === "response" ? completion.response : null;
  return { entry, payload: kept === null ? null : { subject: call.subject, fields: { response: kept } } };
}

function failedTries(run: CallRun): Pick<LeafBody<"call.completed">, "failed"> {
  const { failed } = run;
  return failed === null ? {} : { failed: failed.slice(0, maxFailed) };
}

/** The completion of a call that was refused before it could be described. */
export function undescribedCompletionEntry(
  parts: Pick<GatewayParts, "trail">,
  call: IdentifiedCall,
  reason: string,
  status: number,
): Recording {
  const entry = parts.trail.encode(
    {
      type: "call.completed",
      actor: { kind: "application", id: call.application.name },
      call: call.id,
      endpoint: call.endpoint,
      application: call.application.name,
      user: null,
      outcome: "refused",
      reason,
      status,
      stream: false,
      dispatches: 0,
      target: null,
      served_model: null,
      finish_reasons: [],
      usage: { ...noUsage },
      cost_micro_usd: null,
      price_source: null,
      total_ms: elapsedMs(call, performance.now()),
      first_byte_ms: null,
      response: null,
    },
    null,
  );
  return { entry, payload: null };
}

function elapsedMs(call: IdentifiedCall, at: number): number {
  return Math.max(0, Math.round(at - call.arrivedAt));
}
