// The admin API: what the CLI needs of a running gateway, behind the operator's token. Described at /api/openapi.json.

import fastifySwagger from "@fastify/swagger";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { z } from "zod";
import type { Result } from "../core/result.ts";

export interface KeySummary {
  readonly id: string;
  readonly application: string;
  readonly hint: string;
  readonly created: string;
  readonly expires: string | null;
  readonly revoked: string | null;
}

export interface EntrySummary {
  readonly index: number;
  /** The leaf, parsed. */
  readonly leaf: unknown;
}

/** What the routes do. Failures are text for people: lowercase, saying what to do. */
export interface AdminServices {
  /** The operator that a bearer token belongs to, or null. */
  authenticate(token: string): string | null;
  listKeys(): Promise<readonly KeySummary[]>;
  createKey(
    application: string,
    operator: string,
  ): Promise<Result<{ readonly id: string; readonly key: string }, string>>;
  rotateKey(
    id: string,
    operator: string,
  ): Promise<Result<{ readonly id: string; readonly key: string }, string>>;
  revokeKey(id: string, operator: string): Promise<Result<null, string>>;
  listSecrets(): Promise<
    readonly { readonly name: string; readonly version: number; readonly created: string }[]
  >;
  setSecret(
    name: string,
    value: string,
    operator: string,
  ): Promise<Result<{ readonly version: number }, string>>;
  destroySecret(name: string, operator: string): Promise<Result<null, string>>;
  entries(from: number, limit: number): Promise<readonly EntrySummary[]>;
  entry(index: number): Promise<EntrySummary | null>;
  size(): Promise<number>;
  usage(
    by: readonly ("application" | "model" | "user" | "day")[],
    from: string | null,
    to: string | null,
  ): Promise<readonly unknown[]>;
  policyRevision(): string;
}

const keyBody = z.strictObject({ application: z.string().min(1) });
const secretBody = z.strictObject({ value: z.string().min(1).max(65_536) });
const secretName = z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,127}$/);
const idParams = z.strictObject({ id: z.string().max(64) });
const nameParams = z.strictObject({ "*": secretName });
const pageQuery = z.strictObject({
  from: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const day = z.iso.date().optional();
const usageQuery = z.strictObject({ by: z.string().default("application"), from: day, to: day });
const dimensions = z.array(z.enum(["application", "model", "user", "day"])).min(1);

export function adminApi(services: AdminServices): FastifyPluginAsync {
  return async (plain) => {
    const app = plain.withTypeProvider<ZodTypeProvider>();
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      "application/json",
      { parseAs: "string" },
      app.getDefaultJsonParser("error", "error"),
    );
    app.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => {
      const status = error.statusCode ?? 500;
      return refuse(reply, status, status < 500 ? error.message : "the gateway met a fault of its own");
    });
    await app.register(fastifySwagger, {
      openapi: {
        info: { title: "Portcullis admin API", version: "1" },
        components: { securitySchemes: { operator: { type: "http", scheme: "bearer" } } },
      },
      transform: jsonSchemaTransform,
      transformObject: jsonSchemaTransformObject,
    });
    app.decorateRequest("operator", "");
    app.addHook("onRequest", async (request, reply) => {
      const [, token] = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
      const operator = token === undefined ? null : services.authenticate(token);
      if (operator === null)
        return refuse(reply, 401, "send the operator's token as `Authorization: Bearer`");
      request.operator = operator;
      return undefined;
    });
    app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
    keyRoutes(plain, services);
    secretRoutes(plain, services);
    readingRoutes(plain, services);
  };
}

declare module "fastify" {
  interface FastifyRequest {
    operator: string;
  }
}

function keyRoutes(plain: FastifyInstance, services: AdminServices): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.get("/keys", async () => ({ keys: await services.listKeys() }));
  app.post("/keys", { schema: { body: keyBody } }, async (request, reply) =>
    answer(reply, await services.createKey(request.body.application, request.operator), 201),
  );
  app.post("/keys/:id/rotate", { schema: { params: idParams } }, async (request, reply) =>
    answer(reply, await services.rotateKey(request.params.id, request.operator), 201),
  );
  app.post("/keys/:id/revoke", { schema: { params: idParams } }, async (request, reply) =>
    answer(reply, await services.revokeKey(request.params.id, request.operator)),
  );
}

function secretRoutes(plain: FastifyInstance, services: AdminServices): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.get("/secrets", async () => ({ secrets: await services.listSecrets() }));
  app.put("/secrets/*", { schema: { params: nameParams, body: secretBody } }, async (request, reply) =>
    answer(reply, await services.setSecret(request.params["*"], request.body.value, request.operator)),
  );
  app.delete("/secrets/*", { schema: { params: nameParams } }, async (request, reply) =>
    answer(reply, await services.destroySecret(request.params["*"], request.operator)),
  );
}

function readingRoutes(plain: FastifyInstance, services: AdminServices): void {
  const app = plain.withTypeProvider<ZodTypeProvider>();
  app.get("/entries", { schema: { querystring: pageQuery } }, async (request) => ({
    size: await services.size(),
    entries: await services.entries(request.query.from, request.query.limit),
  }));
  app.get(
    "/entries/:index",
    { schema: { params: z.strictObject({ index: z.coerce.number().int().nonnegative() }) } },
    async (request, reply) => {
      const entry = await services.entry(request.params.index);
      return entry ?? refuse(reply, 404, `there is no entry \`${request.params.index}\``);
    },
  );
  app.get("/usage", { schema: { querystring: usageQuery } }, async (request, reply) => {
    const by = dimensions.safeParse(request.query.by.split(","));
    if (!by.success)
      return refuse(reply, 400, "`by` takes application, model, user and day, separated by commas");
    return { usage: await services.usage(by.data, request.query.from ?? null, request.query.to ?? null) };
  });
  app.get("/policies", async () => ({ revision: services.policyRevision() }));
}

function answer<Value>(reply: FastifyReply, result: Result<Value, string>, status = 200): FastifyReply {
  return result.ok ? reply.code(status).send(result.value ?? {}) : refuse(reply, 409, result.failure);
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).send({ error: { message } });
}
