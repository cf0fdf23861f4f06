// Step 7 with all that may be needed of it: one target is asked, and asked again after a failure that may pass. A retry is a
// further dispatch under the decision already on record: its facts are the same.

import { fail, type Result } from "../../core/result.ts";
import type { ProviderAnswer, ProviderFailure } from "../../providers/provider.ts";
import { retryAfterMs } from "../../providers/retry-after.ts";
import type { TargetHealth } from "../../providers/target-health.ts";
import type { Target } from "../call.ts";
import type { CallRun } from "../call-run.ts";
import type { GatewayParts } from "../parts.ts";
import { healthAfter, nextAfter, type Tried } from "../try-outcome.ts";
import { dispatch } from "./dispatch.ts";

type TryParts = Pick<GatewayParts, "providers" | "limits" | "health" | "clock" | "watch">;

/** INVARIANT: the decision for this very target is durable before this is called. Ends early when the client leaves. */
export async function tryTarget(
  parts: TryParts,
  run: CallRun,
  target: Target,
  signal: AbortSignal,
): Promise<Tried> {
  const provider = parts.providers.get(target.provider);
  if (provider === undefined) {
    return fail({ reason: "unavailable", detail: "it is not configured", unsent: true });
  }
  const health = parts.health.of(provider, target.model);
  let tried = await enterAndDispatch(parts, run, target, health, "first", signal);
  for (let retries = 0; retries < run.patience.retries; retries += 1) {
    const waitMs = waitBeforeRetry(parts, run, health, tried, retries);
    if (waitMs === null || !(await waited(run, waitMs, signal))) break;
    const again = await enterAndDispatch(parts, run, target, health, "retry", signal);
    // Others have found out meanwhile that it is no use: the failure at hand says more than that.
    if (!again.ok && again.failure.reason === "circuit_open") break;
    run.failedTry(target, tried);
    tried = again;
  }
  return tried;
}

/** The circuit is told what became of the try, whatever becomes of it. */
async function enterAndDispatch(
  parts: TryParts,
  run: CallRun,
  target: Target,
  health: TargetHealth,
  kind: "first" | "retry",
  signal: AbortSignal,
): Promise<Tried> {
  const entry = health.enter(kind);
  if (entry.kind === "open") return fail({ reason: "circuit_open", retryAfterMs: entry.retryAfterMs });
  const hadAllTime = run.sent === 0;
  let tried: Result<ProviderAnswer, ProviderFailure> | null = null;
  try {
    tried = await dispatch(parts, run, target, signal);
    return tried;
  } finally {
    health.left(entry.kind, tried === null ? "unknown" : healthAfter(tried, hadAllTime));
  }
}

/** Null when it is not to be asked again. */
function waitBeforeRetry(
  parts: TryParts,
  run: CallRun,
  health: TargetHealth,
  tried: Tried,
  retries: number,
): number | null {
  if (nextAfter(tried, run.acts) !== "again") return null;
  const asked = tried.ok ? retryAfterMs(tried.value.headers, parts.clock.now()) : null;
  const waitMs = health.retryWaitMs(retries, asked);
  return waitMs === null || waitMs >= run.msLeft() ? null : waitMs;
}

/** False when the client left meanwhile. */
async function waited(run: CallRun, ms: number, signal: AbortSignal): Promise<boolean> {
  const from = performance.now();
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over, { once: true });
  });
  run.upstreamMs += performance.now() - from;
  return !signal.aborted;
}
