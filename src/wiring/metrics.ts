// The listener for scrapers, and the state of the gateway that it shows beside what was counted.

import type { Logger } from "pino";
import type { LogStore } from "../audit/log-store.ts";
import type { Trail } from "../audit/trail.ts";
import type { Witnessing } from "../audit/witnessing/witnessing.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import type { Admission } from "../gateway/admission.ts";
import type { LateCompletions } from "../gateway/late-completions.ts";
import { MetricsServer } from "../http/metrics-server.ts";
import { expositionType } from "../telemetry/exposition.ts";
import type { UsageStore } from "../usage/usage-store.ts";
import { type Secrets, secretAt } from "./secret-at.ts";
import type { CertificateInForce } from "./server-certificate.ts";
import type { Telemetry } from "./telemetry.ts";

export interface MetricsPlace {
  readonly config: Config;
  readonly telemetry: Telemetry;
  readonly admission: Admission;
  readonly late: LateCompletions;
  readonly trail: Trail;
  readonly storage: {
    readonly log: Pick<LogStore, "head">;
    readonly usage: Pick<UsageStore, "position">;
    readonly walPages?: () => number;
  };
  readonly certificate: CertificateInForce | null;
  readonly secrets: Secrets;
  readonly witnesses: Witnessing | null;
  readonly log: Logger;
}

/** Null when nobody may scrape. Listens to nothing yet. */
export function openMetrics(
  place: MetricsPlace,
): { readonly server: MetricsServer; readonly address: string } | null {
  const { metrics } = place.config;
  if (metrics === undefined) return null;
  const { telemetry, admission, late, trail, storage, certificate, secrets, witnesses, log } = place;
  const server = new MetricsServer({
    render: telemetry.page({
      inFlight: () => admission.active,
      queued: () => admission.queued,
      waiting: () => admission.resting,
      lateCompletions: () => late.size,
      trailAvailable: () => trail.available,
      checkpointAge: () => ageOf(trail),
      unwitnessedEntries: () =>
        witnesses === null ? null : sizeOf(trail.checkpoint) - sizeOf(trail.published),
      witnesses: () =>
        (witnesses?.standing ?? []).map(({ name, size, outcomes }) => ({
          name,
          lagEntries: Math.max(0, sizeOf(trail.checkpoint) - Math.max(0, size)),
          outcomes,
        })),
      walPages: () => storage.walPages?.() ?? null,
      usageLag: async () => (await storage.log.head()).size - (await storage.usage.position()),
      certificateEnds: () => (certificate === null ? null : certificate.current.ends / 1000),
    }),
    contentType: expositionType,
    token: metrics.token === undefined ? null : secretAt(metrics.token, secrets, "the token of `metrics`"),
    onProblem: (why) => log.warn({ why }, "metrics could not be scraped"),
  });
  return { server, address: metrics.listen };
}

function sizeOf(checkpoint: { readonly size: number } | null): number {
  return checkpoint?.size ?? 0;
}

/** Seconds. */
function ageOf({ checkpoint }: Trail): number | null {
  return checkpoint === null ? null : Math.max(0, systemClock.now() - checkpoint.time) / 1000;
}
