// The admin API: what an operator does with a running gateway, behind an operator's token. Described at /api/openapi.json.

import fastifySwagger from "@fastify/swagger";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { parseStrictJson } from "../core/strict-json.ts";
import type { Operator } from "../identity/operator.ts";
import { bodyLimitBytes, errorResponses, failureOf, RequestFault, refuse } from "./admin/admin-error.ts";
import { noQuery } from "./admin/admin-schemas.ts";
import { type ApprovalServices, approvalRoutes } from "./admin/approvals.ts";
import { challenge, type OperatorTokens, operatorOf } from "./admin/bearer-token.ts";
import { type CounterServices, counterRoutes } from "./admin/counters.ts";
import { entryRoutes } from "./admin/entries.ts";
import type { EntryLog } from "./admin/entry-search.ts";
import { type EventServices, eventRoutes } from "./admin/events.ts";
import { type KeyServices, keyRoutes } from "./admin/keys.ts";
import { openApiOptions } from "./admin/openapi.ts";
import { type OperatorServices, operatorRoutes } from "./admin/operators.ts";
import { foreignSite } from "./admin/own-site.ts";
import { type PayloadServices, payloadRoutes } from "./admin/payloads.ts";
import { type PolicyServices, policyRoutes } from "./admin/policies.ts";
import { type ProofServices, proofRoutes } from "./admin/proofs.ts";
import { type SecretServices, secretRoutes } from "./admin/secrets.ts";
import { type UsageServices, usageRoutes } from "./admin/usage.ts";
import { routeBar } from "./admin/who-may.ts";
import { type SourceAddress, sourceAddressBehind } from "./source-address.ts";

/** What the routes do. */
export interface AdminServices extends OperatorTokens {
  /** Told of what an answer only calls a fault of the gateway's own. */
  onFault(fault: Error, route: string): void;
  readonly approvals: ApprovalServices;
  readonly events: EventServices;
  readonly keys: KeyServices;
  readonly operators: OperatorServices;
  readonly secrets: SecretServices;
  readonly log: EntryLog;
  readonly proofs: ProofServices;
  readonly payloads: PayloadServices;
  readonly usage: UsageServices;
  readonly counters: CounterServices;
  readonly policies: PolicyServices;
}

const maxDepth = 16;

/** `sourceAddress` says where a decision comes from; without it, by the connection. */
export function adminApi(
  services: AdminServices,
  sourceAddress: SourceAddress = sourceAddressBehind([]),
): FastifyPluginAsync {
  return async (app) => {
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    await app.register(fastifySwagger, openApiOptions());
    readBodies(app);
    answerFaults(app, services);
    app.decorateRequest("operator");
    app.addHook("onRequest", async (request, reply) => {
      // Keys and payload are in answers: nothing on the way may keep one.
      reply.header("cache-control", "no-store");
      const foreign = foreignSite(request.headers);
      return foreign === null ? authenticate(services, request, reply) : refuse(reply, foreign);
    });
    documentRoute(app);
    approvalRoutes(app, services.approvals, sourceAddress);
    eventRoutes(app, services.events, async (request) => (await operatorOf(services, request)).ok);
    keyRoutes(app, services.keys);
    operatorRoutes(app, services.operators);
    secretRoutes(app, services.secrets);
    entryRoutes(app, services.log);
    proofRoutes(app, services.log, services.proofs);
    payloadRoutes(app, services.log, services.payloads);
    usageRoutes(app, services.usage);
    counterRoutes(app, services.counters);
    policyRoutes(app, services.policies);
  };
}

declare module "fastify" {
  interface FastifyRequest {
    operator: Operator;
  }
}

/** JSON that can be read in one way only; where no body is expected, none. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer", bodyLimit: bodyLimitBytes },
    (_request, body, done) => {
      const parsed = parseStrictJson(body, maxDepth);
      if (parsed.ok) done(null, parsed.value.value);
      else done(new RequestFault(`the body is not strict JSON: ${parsed.failure.detail}`));
    },
  );
  app.addHook("preValidation", async (request) => {
    if (request.body === undefined || request.routeOptions.schema?.body !== undefined) return;
    if (JSON.stringify(request.body) !== "{}") throw new RequestFault("this takes no body; send none");
  });
}

function answerFaults(app: FastifyInstance, services: AdminServices): void {
  app.setErrorHandler((thrown: unknown, request, reply) => {
    const failure = failureOf(thrown);
    if (failure !== null) return refuse(reply, failure);
    const fault = thrown instanceof Error ? thrown : new Error(String(thrown));
    services.onFault(fault, `${request.method} ${request.routeOptions.url ?? ""}`);
    return refuse(reply, {
      code: "internal",
      message: "the gateway met a fault of its own; its log says more",
    });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0]?.slice(0, 200) ?? "";
    const message = `there is no \`${request.method} ${path}\`; /api/openapi.json describes what there is`;
    return refuse(reply, { code: "not_found", message });
  });
}

async function authenticate(
  services: AdminServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const known = await operatorOf(services, request);
  if (!known.ok) return challenge(reply, known.failure);
  request.operator = known.value;
  const bar = routeBar(known.value, request.routeOptions.config);
  return bar === null ? undefined : refuse(reply, bar);
}

function documentRoute(app: FastifyInstance): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/openapi.json",
    {
      schema: {
        operationId: "getOpenApi",
        summary: "This document",
        querystring: noQuery,
        response: { 200: z.looseObject({ openapi: z.string() }), ...errorResponses() },
      },
    },
    async () => ({ ...app.swagger(), openapi: "3.1.0" }),
  );
}
