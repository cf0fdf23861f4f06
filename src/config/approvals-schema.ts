// The part of portcullis.yaml's shape that says how clients wait for approvals, and how much may wait.

import { z } from "zod";
import { keptMs, timerMs, waitMs } from "./units.ts";

export const approvals = z
  .strictObject({
    wait: waitMs
      .prefault("570s")
      .describe(
        "How long a client's connection waits for a decision where the client does not say how long it can (`x-portcullis-timeout`, `x-stainless-timeout`, in seconds). Then it gets a message that says what waits.",
      ),
    open_after: waitMs
      .prefault("45s")
      .describe(
        "How long nothing is written to a client that waits. Until then a refusal still has a status of its own; then the answer is opened and kept open by heartbeats.",
      ),
    heartbeat: timerMs.prefault("15s").describe("Time between two heartbeats."),
    on_reject: z
      .enum(["message", "reprompt", "error"])
      .default("message")
      .describe(
        "What a client gets of tool calls that are rejected or expire: a `message` in their place that says by whom and why; another answer of the model, which is told (`reprompt`, at most twice); or an `error` with the status 403, where nothing of the answer is out yet and nothing else of it is released.",
      ),
    keep_decided: keptMs
      .prefault("30d")
      .describe(
        "How long what was decided or has expired is kept in the database, with its arguments and answer, from when it can be used no more and no retry finds it. For as long views tell of it as something similar, the same is refused in its conversation where it was rejected, and its `Idempotency-Key` is known. Looked at when the gateway starts and every ten minutes; the trail itself stays.",
      ),
    max_pending: z
      .strictObject({
        application: z
          .int()
          .min(1)
          .max(100_000)
          .default(500)
          .describe("Approvals of one application that may wait. What would be one more is denied."),
        user: z.int().min(1).max(100_000).default(50).describe("Those of one user of an application."),
      })
      .prefault({})
      .describe("How much may wait for people at once."),
  })
  .prefault({})
  .describe("How calls and tool calls wait for the sign-offs that policy asks for.");
