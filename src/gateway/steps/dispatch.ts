// Step 7: the request leaves, as the client wrote it save for two byte splices: the concrete model, and asking for usage.

import { type JsonEdit, spliceJson } from "../../core/json-splice.ts";
import { fail, type Result } from "../../core/result.ts";
import { nextTurn } from "../../core/turn.ts";
import type { ModelProvider, ProviderAnswer, ProviderFailure } from "../../providers/provider.ts";
import type { DescribedCall, Target } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";

/** INVARIANT: the decision for this very target is durable before this is called. */
export async function dispatch(
  parts: Pick<GatewayParts, "providers" | "limits" | "watch">,
  run: CallRun,
  target: Target,
  signal: AbortSignal,
): Promise<Result<ProviderAnswer, ProviderFailure>> {
  const provider = parts.providers.get(target.provider);
  if (provider === undefined) {
    return fail({ reason: "unavailable", detail: "it is not configured", unsent: true });
  }
  if (signal.aborted) return fail({ reason: "cancelled", detail: "the client is gone" });
  const { firstByteMs } = run.patience;
  // Of a first try all of it, so that the timers of most calls are of one length, which costs least.
  const totalMs = Math.max(1, run.msLeft());
  run.leave(target);
  parts.watch.leaves(run, target);
  const answer = await provider.send({
    endpoint: run.call.endpoint === "chat" ? "chat/completions" : "embeddings",
    body: outgoingBody(run.call, target, provider),
    headers: outgoingHeaders(run.call),
    maxResponseBytes: parts.limits.response,
    firstByteMs,
    totalMs,
    signal,
  });
  run.returned();
  run.answered = answer.ok && answer.value.status < 400;
  parts.watch.answered(run, target, answer);
  await nextTurn();
  return answer;
}

/** The client's, of which an allow-list lets some pass. Its trace goes on from our request, if it is followed at all. */
function outgoingHeaders({ headers, steps }: DescribedCall): DescribedCall["headers"] {
  if (steps === null || headers["traceparent"] === undefined) return headers;
  return { ...headers, traceparent: steps.traceparent };
}

/** Whether this call asks its provider for usage that the client did not ask for. */
export function usageIsOurs(call: DescribedCall, provider: ModelProvider | undefined): boolean {
  const { request } = call;
  return (
    request.endpoint === "chat" &&
    request.stream &&
    !request.includeUsage &&
    provider?.asksForStreamUsage === true
  );
}

function outgoingBody(call: DescribedCall, target: Target, provider: ModelProvider): Uint8Array {
  const edits: JsonEdit[] = [];
  if (target.model !== call.request.requestedModel) {
    edits.push({ kind: "replace", member: "model", text: JSON.stringify(target.model) });
  }
  if (usageIsOurs(call, provider)) {
    edits.push({ kind: "set_in", member: "stream_options", key: "include_usage", text: "true" });
  }
  return edits.length === 0 ? call.body : spliceJson(call.body, call, edits);
}
