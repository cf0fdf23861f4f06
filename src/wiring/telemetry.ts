// Metrics and traces, put together: what the config asks for and nothing else. Without either nobody looks at calls.

import { hostname } from "node:os";
import type { Logger } from "pino";
import type { AppendReceipt } from "../audit/log-store.ts";
import type { Trail } from "../audit/trail.ts";
import type { Config } from "../config/schema.ts";
import type { RefusalReason } from "../core/refusal.ts";
import type { Egress } from "../egress/egress.ts";
import { type CallWatch, unwatched } from "../gateway/call-watch.ts";
import type { TrailWriter } from "../gateway/parts.ts";
import { refusalClasses } from "../http/refusal-classes.ts";
import { guardedLookup } from "../providers/egress.ts";
import { callFamilies } from "../telemetry/call-families.ts";
import { CallMeter } from "../telemetry/call-meter.ts";
import { exposition } from "../telemetry/exposition.ts";
import { type GatewayState, gatewayReadings } from "../telemetry/gateway-readings.ts";
import { KnownNames, type NamesInConfig } from "../telemetry/known-names.ts";
import { OtlpDelivery } from "../telemetry/otlp-delivery.ts";
import { processReadings } from "../telemetry/process-readings.ts";
import { SpanExporter } from "../telemetry/span-exporter.ts";
import { Tracer } from "../telemetry/tracer.ts";
import { trailFamilies } from "../telemetry/trail-families.ts";
import { TrailMeter } from "../telemetry/trail-meter.ts";
import { CountedCalls } from "./call-watch.ts";
import { type Secrets, secretAt } from "./secret-at.ts";

export interface TelemetryPlace {
  readonly config: Config;
  readonly trail: Trail;
  readonly egress: Egress;
  readonly secrets: Secrets;
  readonly version: string;
  readonly log: Logger;
}

/** The trail as calls write to it. */
export interface WatchedTrail extends TrailWriter {
  append(entries: Parameters<Trail["append"]>[0]): Promise<AppendReceipt>;
}

export interface Telemetry {
  readonly watch: CallWatch;
  readonly trail: WatchedTrail;
  refused(reason: RefusalReason): void;
  /** For a changed config. */
  rename(config: Config): void;
  /** The page that is scraped. */
  page(state: Omit<GatewayState, "appendsWaiting" | "unsealedSeconds" | "spans">): () => Promise<string>;
  close(): Promise<void>;
}

export function openTelemetry(place: TelemetryPlace): Telemetry {
  const { config, trail, version } = place;
  const names = new KnownNames(namesIn(config));
  const traces = config.telemetry.otlp === undefined ? null : openTraces(place, config.telemetry.otlp);
  const families = { calls: callFamilies(), trail: trailFamilies() };
  const counts = config.metrics !== undefined;
  const meter = counts ? new CallMeter(names, families.calls) : null;
  const trailMeter = counts ? new TrailMeter(families.trail, trail, Date.now) : null;
  const ofProcess = counts ? processReadings(version) : null;
  if (meter !== null) for (const code of Object.keys(refusalClasses)) families.calls.refusals.with(code);
  return {
    watch:
      meter === null && traces === null
        ? unwatched
        : new CountedCalls({
            meter,
            tracer: traces?.tracer ?? null,
            knownModel: ({ provider, model }) => names.model(provider, model),
          }),
    trail: trailMeter === null ? trail : watchedTrail(trail, trailMeter),
    refused: (reason) => meter?.refused(reason),
    rename: (next) => names.replace(namesIn(next)),
    page: (state) => {
      const readings = gatewayReadings({
        ...state,
        appendsWaiting: () => trailMeter?.waiting ?? 0,
        unsealedSeconds: () => trailMeter?.unsealedSeconds ?? 0,
        spans: () => traces?.exporter ?? null,
      });
      const metrics = [
        ...Object.values(families.calls),
        ...Object.values(families.trail),
        ...readings,
        ...(ofProcess?.readings ?? []),
      ];
      return () => exposition(metrics);
    },
    close: async () => {
      ofProcess?.stop();
      await traces?.close();
    },
  };
}

function watchedTrail(trail: Trail, meter: TrailMeter): WatchedTrail {
  return {
    newSalt: (subject) => trail.newSalt(subject),
    encode: (body, salt) => trail.encode(body, salt),
    append: (entries) => meter.timed(entries.length, () => trail.append(entries)),
  };
}

/** What may become a label: everything that the config names, and nothing that a client does. */
export function namesIn(config: Config): NamesInConfig {
  const models = new Map(
    Object.entries(config.providers).map(([name, provider]) => [
      name,
      new Set(provider.type === "openai" ? (provider.models ?? []) : []),
    ]),
  );
  for (const written of [...config.models.flatMap(({ targets }) => targets), ...Object.keys(config.prices)]) {
    const slash = written.indexOf("/");
    models.get(written.slice(0, slash))?.add(written.slice(slash + 1));
  }
  return { applications: config.applications.map(({ name }) => name), models };
}

function openTraces(
  { egress, secrets, version, log }: TelemetryPlace,
  otlp: NonNullable<Config["telemetry"]["otlp"]>,
) {
  const read = Object.entries(otlp.headers).map(
    ([name, written]) => [name, secretAt(written, secrets, `the header \`${name}\` for traces`)] as const,
  );
  const delivery = new OtlpDelivery({
    endpoint: otlp.endpoint,
    resource: {
      serviceName: otlp.service_name,
      serviceVersion: version,
      instance: `${hostname()}:${process.pid}`,
    },
    connect: egress.connector({
      timeoutMs: 10_000,
      lookup: guardedLookup(otlp.allow_private_addresses),
    }),
    headers: async () => {
      const headers: Record<string, string> = {};
      for (const [name, secret] of read) {
        const value = await secret();
        if (!value.ok) throw new Error(value.failure);
        headers[name] = value.value.use((text) => text);
      }
      return headers;
    },
  });
  const exporter = new SpanExporter({
    deliver: (spans, signal) => delivery.deliver(spans, signal),
    onTrouble: (why) => {
      if (why === null) log.info("the collector takes traces again");
      else
        log.warn(
          { why },
          "traces cannot be delivered; calls go on, and spans are dropped when the queue is full",
        );
    },
  });
  const tracer = new Tracer({ ratio: otlp.sample, emit: (spans) => exporter.add(spans) });
  return {
    tracer,
    exporter,
    close: async () => {
      await exporter.close();
      await delivery.close();
    },
  };
}
