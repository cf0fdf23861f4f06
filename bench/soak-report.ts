// What the soak says: a row for each sample, and how each kind of memory went, held to its bound.

import { type Bound, trend } from "./memory-trend.ts";
import type { Reading } from "./soak-gateway.ts";

export interface Sample {
  readonly calls: number;
  readonly reading: Reading;
}

const kib = 1024;
const mib = 1024 ** 2;

/** Of the heap every byte is known; resident memory is what allocators make of it, and other threads' too. */
const bounds = {
  heap: { perCall: 16, inAll: 4 * mib },
  rss: { perCall: 64, inAll: 48 * mib },
} as const satisfies Readonly<Record<string, Bound>>;

export const heads = [
  "time",
  "calls",
  "RSS MiB",
  "heap KiB",
  "external KiB",
  "array buffers KiB",
  "writer's heap KiB",
  "files",
  "resources",
  "loop delay p99 ms",
  "most ms",
  "in flight",
  "WAL KiB",
  "database MiB",
  "series",
].join(" | ");

export function row({ calls: count, reading }: Sample): string {
  return [
    new Date().toISOString().slice(11, 19),
    count,
    (reading.rss / mib).toFixed(0),
    ...[reading.heapUsed, reading.external, reading.arrayBuffers, reading.threadHeap].map((bytes) =>
      Math.round(bytes / kib),
    ),
    reading.files,
    resourceCount(reading),
    reading.loopDelayP99.toFixed(0),
    reading.loopDelayMost.toFixed(0),
    reading.gauges.get("portcullis_calls_in_flight") ?? "?",
    Math.round(reading.walBytes / kib),
    (reading.disk / mib).toFixed(1),
    reading.series,
  ].join(" | ");
}

/** Prints how each kind of memory went. */
export function judged(title: string, samples: readonly Sample[]): boolean {
  const measures: readonly (readonly [
    name: string,
    of: (reading: Reading) => number,
    bound: Bound | null,
  ])[] = [
    ["heap used and external", ({ heapUsed, external }) => heapUsed + external, bounds.heap],
    ["of that, heap used", ({ heapUsed }) => heapUsed, null],
    ["of that, array buffers", ({ arrayBuffers }) => arrayBuffers, null],
    ["writer's heap", ({ threadHeap }) => threadHeap, null],
    ["RSS", ({ rss }) => rss, bounds.rss],
    ["database", ({ disk }) => disk, null],
  ];
  console.log(`\n${title}: first, last and most (MiB), bytes a call by least squares, bound`);
  let any = false;
  for (const [name, of, bound] of measures) {
    const points = samples.map(({ calls: count, reading }) => ({ calls: count, bytes: of(reading) }));
    const { slope, grows: one } = trend(points, bound ?? { perCall: Infinity, inAll: Infinity });
    any ||= one;
    const sizes = points.map(({ bytes }) => bytes);
    const shown = [sizes[0] ?? 0, sizes.at(-1) ?? 0, Math.max(...sizes)].map((bytes) =>
      (bytes / mib).toFixed(1),
    );
    const allowed = bound === null ? "" : ` (at most ${bound.perCall}, or ${bound.inAll / mib} MiB in all)`;
    console.log(`  ${name}: ${shown.join(", ")}; ${slope.toFixed(2)}${allowed}${one ? ": GROWS" : ""}`);
  }
  return any;
}

/** Whether more is open than before, the connections to the upstream that are kept for the next call aside. */
export function moreHandles(before: Reading, after: Reading, connections: number): boolean {
  const more = Math.max(after.files - before.files, resourceCount(after) - resourceCount(before));
  console.log(
    `  files ${before.files}, then ${after.files}; resources ${resourceCount(before)}, then ${resourceCount(after)}`,
  );
  return more > connections;
}

function resourceCount({ resources }: Reading): number {
  return Object.values(resources).reduce((sum, count) => sum + count, 0);
}
