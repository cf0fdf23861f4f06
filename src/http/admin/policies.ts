// Which policies are in force.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { errorResponses } from "./admin-error.ts";
import { adminSchemas, noQuery } from "./admin-schemas.ts";

export interface PolicyServices {
  revision(): string;
}

export function policyRoutes(plain: FastifyInstance, policies: PolicyServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/policies",
    {
      schema: {
        operationId: "getPolicies",
        summary: "The revision of the policies in force",
        tags: ["policies"],
        querystring: noQuery,
        response: {
          200: z.strictObject({
            revision: z
              .string()
              .register(adminSchemas, { description: "SHA-256 of their content, as decisions record it." }),
          }),
          ...errorResponses(),
        },
      },
    },
    async () => ({ revision: policies.revision() }),
  );
}
