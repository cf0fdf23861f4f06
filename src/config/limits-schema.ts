// The part of portcullis.yaml's shape that bounds what calls take up.

import { z } from "zod";
import { headerBytes, sizeBytes, timerMs, waitMs } from "./units.ts";
export const limits = z
  .strictObject({
    body: sizeBytes.prefault("20MiB").describe("Largest request body."),
    response: sizeBytes
      .prefault("20MiB")
      .describe("Largest answer that is not streamed, and most that is held back of a stream."),
    depth: z.int().min(4).max(512).default(64).describe("Deepest nesting of JSON."),
    headers: headerBytes.prefault("16KiB").describe("All request headers together."),
    concurrency: z.int().min(1).max(100_000).default(2000).describe("Calls worked on at once."),
    queue: z
      .int()
      .min(0)
      .max(100_000)
      .default(2000)
      .describe("Calls that wait for their turn; beyond it 503."),
    connections: z
      .int()
      .min(10)
      .max(1_000_000)
      .default(20_000)
      .describe(
        "Connections of clients. Beyond it the one that has been idle for longest makes room; while none is idle, new ones get 503, or are closed where the gateway speaks TLS, and a client that waits for people and has nothing yet is told to come back.",
      ),
    time: timerMs
      .prefault("1h")
      .describe(
        "How long a call may take from its first try to the last byte of its answer, streams included.",
      ),
    assumed_output: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(4096)
      .describe(
        "Tokens that an answer is expected to have at most when its request names no limit: what budgets in policies set aside for it until it is there.",
      ),
    drain: waitMs.prefault("30s").describe("How long running calls may take to finish after SIGTERM."),
  })
  .prefault({})
  .describe("What one call, and all calls together, may take up.");
