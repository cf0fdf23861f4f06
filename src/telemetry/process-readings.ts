// The process itself, under the names that dashboards for Node and Prometheus already know.

import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Reading, Sample } from "./exposition.ts";
import type { MetricType } from "./metric.ts";

const nanosecond = 1e-9;
const resolutionMs = 20;

/** To be stopped: until then the delay of the event loop is sampled. */
export interface ProcessReadings {
  readonly readings: readonly Reading[];
  stop(): void;
}

export function processReadings(version: string): ProcessReadings {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const started = Date.now() / 1000 - process.uptime();
  const readings = [
    reading(
      "portcullis_build_info",
      "gauge",
      "1, with the version of Portcullis and of Node.",
      ["version", "node"],
      () => [{ labels: [version, process.versions.node], value: 1 }],
    ),
    single("process_cpu_seconds_total", "counter", "Processor time, user and system.", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
    single("process_resident_memory_bytes", "gauge", "Resident memory.", () => process.memoryUsage.rss()),
    single(
      "process_start_time_seconds",
      "gauge",
      "When the process started, since the epoch.",
      () => started,
    ),
    reading("process_open_fds", "gauge", "Open file descriptors, where the system tells.", [], openFiles),
    single(
      "nodejs_heap_size_used_bytes",
      "gauge",
      "Used heap of the main thread.",
      () => process.memoryUsage().heapUsed,
    ),
    reading(
      "nodejs_eventloop_lag_seconds",
      "gauge",
      "Delay of the event loop since the last scrape.",
      ["quantile"],
      () => lag(delay),
    ),
  ];
  return { readings, stop: () => delay.disable() };
}

export function reading(
  name: string,
  type: MetricType,
  help: string,
  labels: readonly string[],
  read: () => readonly Sample[] | Promise<readonly Sample[]>,
): Reading {
  return { info: { name, type, help, labels }, read: async () => read() };
}

/** A value without labels. */
export function single(
  name: string,
  type: MetricType,
  help: string,
  read: () => number | Promise<number>,
): Reading {
  return reading(name, type, help, [], async () => [{ labels: [], value: await read() }]);
}

function openFiles(): readonly Sample[] {
  return [{ labels: [], value: readdirSync("/proc/self/fd").length }];
}

function lag(delay: ReturnType<typeof monitorEventLoopDelay>): readonly Sample[] {
  const samples = [0.5, 0.99, 1].map((quantile) => ({
    labels: [String(quantile)],
    // The time between two looks is in it.
    value: Math.max(0, delay.percentile(quantile * 100) * nanosecond - resolutionMs / 1000),
  }));
  delay.reset();
  return samples;
}
