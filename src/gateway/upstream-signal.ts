// When an upstream is let go of: with its client, save where its answer is kept for the client's retry.

import type { CallRun } from "./call-run.ts";
import { outOfTime } from "./client-channel.ts";

/**
 * Of a stream that has begun to propose something the upstream is not let go of when the client leaves: what it says is
 * kept for the client's retry.
 */
export function upstreamSignal(run: CallRun, client: AbortSignal): AbortSignal {
  const { request } = run.call;
  if (request.endpoint !== "chat" || !request.stream || request.offeredTools.size === 0) return client;
  const upstream = new AbortController();
  const left = (): void => {
    if (client.reason === outOfTime || !run.keepsAnswer) upstream.abort();
  };
  if (client.aborted) left();
  else client.addEventListener("abort", left, { once: true });
  return upstream.signal;
}
