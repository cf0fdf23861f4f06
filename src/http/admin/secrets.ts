// Secrets that the config refers to as `secret://NAME`: set and destroyed here, never read back.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Result } from "../../core/result.ts";
import { SecretValue } from "../../core/secret-value.ts";
import { type AdminFailure, errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery, timestamp } from "./admin-schemas.ts";
import { next, pageOf, pageQuery } from "./page.ts";
import { ownTokenOnly } from "./who-may.ts";

const secretSummary = z
  .strictObject({ name: z.string(), version: z.int().min(1), created: timestamp })
  .register(adminSchemas, { id: "Secret" });

export type SecretSummary = z.output<typeof secretSummary>;

export interface SecretServices {
  list(): Promise<readonly SecretSummary[]>;
  /** The new version's number. */
  set(name: string, value: SecretValue, operator: string): Promise<Result<number, AdminFailure>>;
  destroy(name: string, operator: string): Promise<Result<null, AdminFailure>>;
}

const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._/-]{0,127}$/,
    "a secret is named like `providers/openai`: up to 128 of a-z, 0-9, `.`, `_`, `-` and `/`",
  )
  .register(adminSchemas, { description: "A slash in it may be sent as `/` or `%2F`." });
const params = z.strictObject({ "*": name });
const setBody = z.strictObject({ value: z.string().min(1).max(65_536) });
const tags = ["secrets"];

export function secretRoutes(plain: FastifyInstance, secrets: SecretServices): void {
  listRoute(plain, secrets);
  setRoute(plain, secrets);
  destroyRoute(plain, secrets);
}

function listRoute(plain: FastifyInstance, secrets: SecretServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/secrets",
    {
      schema: {
        operationId: "listSecrets",
        summary: "Names and versions, never values",
        tags,
        querystring: pageQuery,
        response: { 200: z.strictObject({ secrets: z.array(secretSummary), next }), ...errorResponses() },
      },
    },
    async (request) => {
      const page = pageOf(await secrets.list(), (secret) => secret.name, request.query);
      return { secrets: [...page.items], next: page.next };
    },
  );
}

function setRoute(plain: FastifyInstance, secrets: SecretServices): void {
  plain.withTypeProvider<ZodTypeProvider>().put(
    "/secrets/*",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "setSecret",
        summary: "A new version",
        tags,
        querystring: noQuery,
        params,
        body: setBody,
        response: {
          200: z.strictObject({ name: z.string(), version: z.int().min(1) }),
          ...errorResponses("forbidden", "conflict", "body_too_large", "unsupported_media_type"),
        },
      },
    },
    async (request, reply) => {
      const { "*": secret } = request.params;
      const set = await secrets.set(secret, new SecretValue(request.body.value), request.operator.name);
      return set.ok ? { name: secret, version: set.value } : refuse(reply, set.failure);
    },
  );
}

function destroyRoute(plain: FastifyInstance, secrets: SecretServices): void {
  plain.withTypeProvider<ZodTypeProvider>().delete(
    "/secrets/*",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "destroySecret",
        summary: "Destroys every version, for good",
        tags,
        querystring: noQuery,
        params,
        response: {
          200: z.strictObject({ name: z.string() }),
          ...errorResponses("forbidden", "not_found"),
        },
      },
    },
    async (request, reply) => {
      const { "*": secret } = request.params;
      const destroyed = await secrets.destroy(secret, request.operator.name);
      return destroyed.ok ? { name: secret } : refuse(reply, destroyed.failure);
    },
  );
}
