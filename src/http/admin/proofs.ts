// The proof of an entry, for whoever is to check it without us.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { z } from "zod";
import type { StoredCheckpoint } from "../../audit/log-store.ts";
import { errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery } from "./admin-schemas.ts";
import { entryNamed, entryParams } from "./entries.ts";
import type { EntryLog } from "./entry-search.ts";

export interface ProofServices {
  /** The latest that is published; null before the first. */
  checkpoint(): Pick<StoredCheckpoint, "size" | "note"> | null;
  /** In the form of c2sp.org/tlog-proof, under a checkpoint of more than `index` entries. */
  proof(checkpoint: Pick<StoredCheckpoint, "size" | "note">, index: number): Promise<string>;
}

const entryProof = z
  .strictObject({
    index: z.int().nonnegative(),
    size: z.int().positive().register(adminSchemas, { description: "Entries under the checkpoint." }),
    leaf: z.base64().register(adminSchemas, { description: "The entry, byte for byte as it is hashed." }),
    leaf_hash: z.base64().register(adminSchemas, { description: "SHA-256 of a zero byte and the leaf." }),
    proof: z.string().register(adminSchemas, {
      description: "Checkpoint and path, as c2sp.org/tlog-proof writes them.",
    }),
  })
  .register(adminSchemas, { id: "EntryProof" });

export function proofRoutes(plain: FastifyInstance, log: EntryLog, proofs: ProofServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/entries/:index/proof",
    {
      schema: {
        operationId: "getEntryProof",
        summary: "The proof that an entry is in the log, under its latest checkpoint",
        tags: ["trail"],
        querystring: noQuery,
        params: entryParams,
        response: { 200: entryProof, ...errorResponses("not_found", "conflict") },
      },
    },
    async (request, reply) => {
      const found = await entryNamed(log, request.params.index);
      if (!found.ok) return refuse(reply, found.failure);
      const { index, leaf } = found.value;
      const checkpoint = proofs.checkpoint();
      if (checkpoint === null || index >= checkpoint.size) {
        const message = `entry ${index} is under no signed checkpoint yet; ask again in a second`;
        return refuse(reply, { code: "conflict", message });
      }
      return {
        index,
        size: checkpoint.size,
        leaf: Buffer.from(leaf).toString("base64"),
        leaf_hash: Buffer.from(leafHash(leaf)).toString("base64"),
        proof: await proofs.proof(checkpoint, index),
      };
    },
  );
}
