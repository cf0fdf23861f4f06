// The trail for people: its entries in pages, and one of them. The payload beside them has a route of its own.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { type LeafType, leafSchema } from "portcullis-verify/leaves/leaf-schema.ts";
import { z } from "zod";
import type { StoredEntry } from "../../audit/log-store.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { type AdminFailure, errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery } from "./admin-schemas.ts";
import { type EntryLog, readEntry, searchEntries } from "./entry-search.ts";
import { next } from "./page.ts";

const leaf = leafSchema.register(adminSchemas, {
  id: "Leaf",
  description: "What an entry says. Its canonical JSON (RFC 8785) is what the log hashes.",
});
const entry = z
  .strictObject({
    index: z.int().nonnegative(),
    leaf: leaf.nullable(),
    problem: z
      .string()
      .nullable()
      .register(adminSchemas, { description: "Why the stored bytes are no leaf, when they are none." }),
  })
  .register(adminSchemas, { id: "Entry" });
const leafTypes = leafSchema.options.map((option) => option.shape.type.value);
const bound = z.coerce.number().int().nonnegative();
const listQuery = z.strictObject({
  type: z.enum(leafTypes as [LeafType, ...LeafType[]]).optional(),
  call: z
    .string()
    .regex(
      /^call_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
      "a call is named `call_<uuidv7>`",
    )
    .optional(),
  approval: z
    .string()
    .regex(
      /^apr_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/,
      "an approval is named `apr_<uuidv7>`",
    )
    .optional(),
  order: z.enum(["newest", "oldest"]).default("newest"),
  after: bound.optional().register(adminSchemas, { description: "Only entries with a larger index." }),
  before: bound.optional().register(adminSchemas, { description: "Only entries with a smaller index." }),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/, "a cursor is `next` of another page")
    .optional()
    .register(adminSchemas, { description: "`next` of the page before, with the same other parameters." }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const entryParams = z.strictObject({
  index: z
    .string()
    .regex(
      /^(?:[0-9]{1,15}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
      "an entry is named by its index or its id",
    )
    .register(adminSchemas, { description: "The entry's index, or its id." }),
});
const tags = ["trail"];

export function entryRoutes(plain: FastifyInstance, log: EntryLog): void {
  listRoute(plain, log);
  entryRoute(plain, log);
}

function entryRoute(plain: FastifyInstance, log: EntryLog): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/entries/:index",
    {
      schema: {
        operationId: "getEntry",
        summary: "One entry",
        tags,
        querystring: noQuery,
        params: entryParams,
        response: { 200: entry, ...errorResponses("not_found") },
      },
    },
    async (request, reply) => {
      const found = await entryNamed(log, request.params.index);
      return found.ok ? readEntry(found.value) : refuse(reply, found.failure);
    },
  );
}

function listRoute(plain: FastifyInstance, log: EntryLog): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/entries",
    {
      schema: {
        operationId: "listEntries",
        summary: "Entries of the trail",
        description:
          "A page may have fewer entries than `limit`, or none, and be followed by more: a search by type, call or approval reads a stretch of the log at a time.",
        tags,
        querystring: listQuery,
        response: {
          200: z.strictObject({ entries: z.array(entry), next, size: z.int().nonnegative() }),
          ...errorResponses(),
        },
      },
    },
    async ({ query }) => {
      const { type = null, call = null, approval = null, order, limit, cursor } = query;
      const from = query.after === undefined ? 0 : query.after + 1;
      const to = query.before ?? Number.MAX_SAFE_INTEGER;
      const start = cursor === undefined ? null : Number(cursor);
      const range =
        order === "newest"
          ? { from, to: Math.min(to, start ?? to) }
          : { from: Math.max(from, start ?? from), to };
      const page = await searchEntries(log, { type, call, approval, order, limit, ...range });
      const { size } = await log.head();
      return { entries: [...page.entries], next: page.next === null ? null : String(page.next), size };
    },
  );
}

export async function entryNamed(log: EntryLog, name: string): Promise<Result<StoredEntry, AdminFailure>> {
  const found = name.includes("-")
    ? await log.byId(name)
    : (await log.read(Number(name), Number(name) + 1))[0];
  return found == null ? fail({ code: "not_found", message: `there is no entry \`${name}\`` }) : ok(found);
}
