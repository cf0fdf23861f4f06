// API keys of applications: listed, made, rotated, revoked. A key itself is in the answer that makes it and nowhere else.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Result } from "../../core/result.ts";
import { type AdminFailure, errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery, timestamp } from "./admin-schemas.ts";
import { next, pageOf, pageQuery } from "./page.ts";
import { ownTokenOnly } from "./who-may.ts";

const summary = {
  id: z.string(),
  application: z.string(),
  hint: z.string().register(adminSchemas, { description: "The key's first characters." }),
  state: z.enum(["active", "expires", "expired", "revoked", "damaged"]).register(adminSchemas, {
    description:
      "`expires`: it is valid until `expires`, because it was rotated. `damaged`: its row was changed in the data store, and it opens nothing.",
  }),
  created: timestamp,
  expires: timestamp.nullable(),
  revoked: timestamp.nullable(),
};
const keySummary = z.strictObject(summary).register(adminSchemas, { id: "Key" });
const newKey = z
  .strictObject({
    ...summary,
    key: z.string().register(adminSchemas, { description: "Shown once; only its hash is kept." }),
  })
  .register(adminSchemas, { id: "NewKey" });
const rotatedKey = z
  .strictObject({ ...newKey.shape, replaces: z.strictObject({ id: z.string(), expires: timestamp }) })
  .register(adminSchemas, { id: "RotatedKey" });

export type KeySummary = z.output<typeof keySummary>;
export type NewKey = z.output<typeof newKey>;
export type RotatedKey = z.output<typeof rotatedKey>;

export interface KeyServices {
  list(): Promise<readonly KeySummary[]>;
  create(application: string, operator: string): Promise<Result<NewKey, AdminFailure>>;
  /** A successor; the old key stays valid for a while. */
  rotate(id: string, operator: string): Promise<Result<RotatedKey, AdminFailure>>;
  revoke(id: string, operator: string): Promise<Result<KeySummary, AdminFailure>>;
}

const createBody = z.strictObject({ application: z.string().min(1).max(64) });
const params = z.strictObject({ id: z.string().max(64) });
const tags = ["keys"];

export function keyRoutes(plain: FastifyInstance, keys: KeyServices): void {
  listRoute(plain, keys);
  createRoute(plain, keys);
  endingRoutes(plain, keys);
}

function listRoute(plain: FastifyInstance, keys: KeyServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/keys",
    {
      schema: {
        operationId: "listKeys",
        summary: "All keys, the ended ones too, oldest first",
        tags,
        querystring: pageQuery,
        response: { 200: z.strictObject({ keys: z.array(keySummary), next }), ...errorResponses() },
      },
    },
    async (request) => {
      // Ids are UUIDv7, so their order is that of creation.
      const page = pageOf(await keys.list(), (key) => key.id, request.query);
      return { keys: [...page.items], next: page.next };
    },
  );
}

function createRoute(plain: FastifyInstance, keys: KeyServices): void {
  plain.withTypeProvider<ZodTypeProvider>().post(
    "/keys",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "createKey",
        summary: "A new key, shown once",
        tags,
        querystring: noQuery,
        body: createBody,
        response: {
          201: newKey,
          ...errorResponses("forbidden", "body_too_large", "unsupported_media_type"),
        },
      },
    },
    async (request, reply) => {
      const made = await keys.create(request.body.application, request.operator.name);
      return made.ok ? reply.code(201).send(made.value) : refuse(reply, made.failure);
    },
  );
}

function endingRoutes(plain: FastifyInstance, keys: KeyServices): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  const errors = errorResponses("forbidden", "not_found", "conflict");
  app.post(
    "/keys/:id/rotate",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "rotateKey",
        summary: "A successor, shown once; the old key stays valid for 24 hours",
        tags,
        querystring: noQuery,
        params,
        response: { 201: rotatedKey, ...errors },
      },
    },
    async (request, reply) => {
      const made = await keys.rotate(request.params.id, request.operator.name);
      return made.ok ? reply.code(201).send(made.value) : refuse(reply, made.failure);
    },
  );
  app.post(
    "/keys/:id/revoke",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "revokeKey",
        summary: "Ends a key now",
        tags,
        querystring: noQuery,
        params,
        response: { 200: keySummary, ...errors },
      },
    },
    async (request, reply) => {
      const revoked = await keys.revoke(request.params.id, request.operator.name);
      return revoked.ok ? revoked.value : refuse(reply, revoked.failure);
    },
  );
}
