// Writes the table of metrics in docs/observability.md: `node test/metrics-page.ts`. A test holds the page to it.

import { readFileSync, writeFileSync } from "node:fs";
import { callFamilies } from "../src/telemetry/call-families.ts";
import { gatewayReadings } from "../src/telemetry/gateway-readings.ts";
import type { MetricInfo } from "../src/telemetry/metric.ts";
import { processReadings } from "../src/telemetry/process-readings.ts";
import { trailFamilies } from "../src/telemetry/trail-families.ts";

export const observabilityPage = new URL("../docs/observability.md", import.meta.url);

const begin = "<!-- metrics: made by `node test/metrics-page.ts` -->\n";
const end = "<!-- end of metrics -->\n";

/** The page with its table as the code has it. */
export function withMetrics(page: string): string {
  const before = page.slice(0, page.indexOf(begin) + begin.length);
  const after = page.slice(page.indexOf(end));
  return `${before}${table().join("\n")}\n${after}`;
}

function table(): readonly string[] {
  const rows = metricInfos().map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(" ")} | ${help} |`,
  );
  return ["| metric | type | labels | meaning |", "|---|---|---|---|", ...rows];
}

function metricInfos(): readonly MetricInfo[] {
  const process = processReadings("");
  process.stop();
  const readings = gatewayReadings({
    inFlight: () => 0,
    queued: () => 0,
    waiting: () => 0,
    lateCompletions: () => 0,
    appendsWaiting: () => 0,
    trailAvailable: () => true,
    unsealedSeconds: () => 0,
    checkpointAge: () => 0,
    unwitnessedEntries: () => 0,
    witnesses: () => [],
    walPages: () => 0,
    usageLag: async () => 0,
    certificateEnds: () => 0,
    spans: () => null,
  });
  return [
    ...Object.values(callFamilies()),
    ...Object.values(trailFamilies()),
    ...readings,
    ...process.readings,
  ].map(({ info }) => info);
}

if (import.meta.main) {
  writeFileSync(observabilityPage, withMetrics(readFileSync(observabilityPage, "utf8")));
}
