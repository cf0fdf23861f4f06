// Which policies are in force, and the revisions that were.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery } from "./admin-schemas.ts";

export interface PolicyServices {
  revision(): string;
  /** What is kept of a revision that was put in force, as canonical JSON; null when there is none. */
  contentOf(revision: string): Promise<string | null>;
}

const hexDigest = /^[0-9a-f]{64}$/;
const revisionText = z
  .string()
  .register(adminSchemas, { description: "SHA-256 of their content, as decisions record it." });
const tags = ["policies"];

export function policyRoutes(plain: FastifyInstance, policies: PolicyServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/policies",
    {
      schema: {
        operationId: "getPolicies",
        summary: "The revision of the policies in force",
        tags,
        querystring: noQuery,
        response: { 200: z.strictObject({ revision: revisionText }), ...errorResponses() },
      },
    },
    async () => ({ revision: policies.revision() }),
  );
  revisionRoute(plain, policies);
}

function revisionRoute(plain: FastifyInstance, policies: PolicyServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/policies/:revision",
    {
      schema: {
        operationId: "getPolicyRevision",
        summary: "A revision that was put in force",
        tags,
        querystring: noQuery,
        params: z.strictObject({
          revision: z.string().regex(hexDigest, "a revision is 64 hexadecimal digits"),
        }),
        response: {
          200: z.strictObject({
            revision: revisionText,
            content: z.string().register(adminSchemas, {
              description:
                "All that decisions of this revision rest on, as canonical JSON (RFC 8785): policy texts, floor, schema, sign-offs, and what the config names. The revision is its SHA-256.",
            }),
          }),
          ...errorResponses("not_found"),
        },
      },
    },
    async (request, reply) => {
      const { revision } = request.params;
      const content = await policies.contentOf(revision);
      if (content !== null) return { revision, content };
      return refuse(reply, {
        code: "not_found",
        message: `no policies with the revision \`${revision}\` were put in force`,
      });
    },
  );
}
