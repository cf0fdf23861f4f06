// The payload kept beside an entry. It has a route of its own, so that who may read entries and who may read bodies can
// be told apart.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { CheckedPayload } from "portcullis-verify/rules/payload-check.ts";
import { z } from "zod";
import type { StoredEntry } from "../../audit/log-store.ts";
import type { Result } from "../../core/result.ts";
import { type AdminFailure, errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery } from "./admin-schemas.ts";
import { entryNamed, entryParams } from "./entries.ts";
import type { EntryLog } from "./entry-search.ts";

export interface PayloadServices {
  /** Each field held against what the entry committed to. */
  of(entry: StoredEntry): Promise<Result<readonly CheckedPayload[], AdminFailure>>;
}

const payload = z
  .strictObject({
    field: z.string(),
    status: z.enum(["matches", "differs", "erased", "not_kept", "damaged"]).register(adminSchemas, {
      description:
        "Whether it is what the entry committed to; or its key or salt was erased, it was not kept, or it does not decrypt.",
    }),
    bytes: z.int().nonnegative().nullable(),
    encoding: z.enum(["utf8", "base64"]).nullable(),
    value: z.string().nullable(),
  })
  .register(adminSchemas, { id: "Payload" });

export function payloadRoutes(plain: FastifyInstance, log: EntryLog, payloads: PayloadServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/entries/:index/payloads",
    {
      schema: {
        operationId: "getEntryPayloads",
        summary: "The payload of an entry, held against what the entry committed to",
        tags: ["trail"],
        querystring: noQuery,
        params: entryParams,
        response: {
          200: z.strictObject({ index: z.int().nonnegative(), payloads: z.array(payload) }),
          ...errorResponses("not_found", "conflict"),
        },
      },
    },
    async (request, reply) => {
      const found = await entryNamed(log, request.params.index);
      if (!found.ok) return refuse(reply, found.failure);
      const checked = await payloads.of(found.value);
      if (!checked.ok) return refuse(reply, checked.failure);
      return { index: found.value.index, payloads: checked.value.map(shown) };
    },
  );
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function shown({ field, status, value }: CheckedPayload): z.output<typeof payload> {
  if (value === null) return { field, status, bytes: null, encoding: null, value: null };
  try {
    return { field, status, bytes: value.length, encoding: "utf8", value: utf8.decode(value) };
  } catch {
    const base64 = Buffer.from(value).toString("base64");
    return { field, status, bytes: value.length, encoding: "base64", value: base64 };
  }
}
