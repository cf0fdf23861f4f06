// The part of portcullis.yaml's shape that is about who cosigns the log.

import { z } from "zod";
import { file, httpUrl, verifierKey } from "./names.ts";

export const witnesses = z
  .array(
    z.strictObject({
      url: httpUrl.describe("Its submission prefix: where `/add-checkpoint` is."),
      vkey: verifierKey.describe("Its verifier key, from whoever runs it."),
      allow_private_addresses: z
        .boolean()
        .default(false)
        .describe("Allow a name in `url` that resolves to a private address, as for providers."),
    }),
  )
  .max(32)
  .default([])
  .describe(
    "Witnesses that cosign the log's checkpoints (C2SP tlog-witness). Read at start. See [audit](audit.md).",
  );

export const witnessPolicy = z
  .union([z.int().min(0).max(32), file], "write how many of `audit.witnesses` have to cosign, or a file")
  .optional()
  .meta({ title: "number or file" })
  .describe(
    "How many witnesses have to cosign a checkpoint before it is given out at `/log/checkpoint`, or a file (C2SP tlog-policy) that says which. Left out: more than half of them.",
  );
