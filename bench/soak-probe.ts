// Runs within the gateway that is measured (`--import`), because a process is known from outside by its size alone. Whoever
// connects to the socket of `SOAK_PROBE` gets one line of JSON: what is in use after everything unused was collected.

import { subscribe } from "node:diagnostics_channel";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { isMainThread, type Worker } from "node:worker_threads";

/** Bytes, unless it says otherwise. */
export interface ProbeReading {
  readonly rss: number;
  /** Most that it ever was. */
  readonly peakRss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  /** Used heap of the threads beside the main one, before anything was collected there. */
  readonly threadHeap: number;
  /** Open file descriptors. */
  readonly files: number;
  /** What keeps the event loop alive, by its kind: how many. */
  readonly resources: Readonly<Record<string, number>>;
  /** Milliseconds, since the last reading, the collection for it left out. */
  readonly loopDelayP99: number;
  readonly loopDelayMost: number;
}

const resolutionMs = 20;
const place = process.env["SOAK_PROBE"];
// The command asks Node for its version first, and a thread has no process of its own.
if (place !== undefined && isMainThread && process.argv[1]?.endsWith("main.ts") === true) listen(place);

function listen(socketPath: string): void {
  const threads = new Set<Worker>();
  subscribe("worker_threads", (message) => {
    const { worker } = message as { readonly worker: Worker };
    threads.add(worker);
    worker.once("exit", () => threads.delete(worker));
  });
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  rmSync(socketPath, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const delays = { loopDelayP99: delay.percentile(99) / 1e6, loopDelayMost: delay.max / 1e6 };
    read(threads)
      .then((reading) => socket.end(`${JSON.stringify({ ...reading, ...delays })}\n`))
      .catch((fault: unknown) => socket.destroy(fault instanceof Error ? fault : undefined))
      .finally(() => delay.reset());
  });
  server.listen(socketPath).unref();
}

async function read(
  threads: ReadonlySet<Worker>,
): Promise<Omit<ProbeReading, "loopDelayP99" | "loopDelayMost">> {
  // What finalizers and weak references let go of is collected by the second.
  for (let times = 0; times < 2; times += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const heaps = await Promise.all([...threads].map((thread) => thread.getHeapStatistics()));
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    rss,
    peakRss: peakRss(),
    heapUsed,
    external,
    arrayBuffers,
    threadHeap: heaps.reduce((sum, heap) => sum + heap.used_heap_size, 0),
    files: readdirSync("/proc/self/fd").length,
    resources,
  };
}

function peakRss(): number {
  const [, kib] = /^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kib) * 1024;
}
