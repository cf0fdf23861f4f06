// Usage: calls, tokens and cost, summed from the log.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { UsageDimension, UsageRow } from "../../usage/usage-store.ts";
import { errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas } from "./admin-schemas.ts";
import { next, pageOf, pageQuery } from "./page.ts";

export interface UsageServices {
  /** Sums of all that is on record by now; days are UTC and inclusive. */
  query(by: readonly UsageDimension[], from: string | null, to: string | null): Promise<readonly UsageRow[]>;
}

const count = z.int().nonnegative();
const dimension = z.string().nullable();
const usageRow = z
  .strictObject({
    day: dimension.register(adminSchemas, { description: "Null when it was not asked for, here and below." }),
    application: dimension,
    user: dimension.register(adminSchemas, { description: "Pseudonym; empty when the calls name no user." }),
    model: dimension.register(adminSchemas, {
      description: "`provider/model`; empty when nothing was dispatched.",
    }),
    calls: count,
    refused: count,
    input_tokens: count,
    cached_input_tokens: count,
    output_tokens: count,
    cost_micro_usd: count.register(adminSchemas, { description: "Millionths of a US dollar." }),
    estimated: count.register(adminSchemas, { description: "Calls whose tokens are an estimate." }),
    unpriced: count.register(adminSchemas, {
      description: "Calls that used tokens and have no known price.",
    }),
  })
  .register(adminSchemas, { id: "Usage" });

const dimensions = z.array(z.enum(["application", "model", "user", "day"])).min(1);
const day = z.iso.date().optional();
const query = z.strictObject({
  ...pageQuery.shape,
  by: z.string().max(64).default("application").register(adminSchemas, {
    description: "`application`, `model`, `user` and `day`; several separated by commas.",
  }),
  from: day.register(adminSchemas, { description: "First day, UTC." }),
  to: day.register(adminSchemas, { description: "Last day, UTC." }),
});

export function usageRoutes(plain: FastifyInstance, usage: UsageServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/usage",
    {
      schema: {
        operationId: "getUsage",
        summary: "Calls, tokens and cost, summed from the log",
        tags: ["usage"],
        querystring: query,
        response: { 200: z.strictObject({ usage: z.array(usageRow), next }), ...errorResponses() },
      },
    },
    async (request, reply) => {
      const by = dimensions.safeParse(request.query.by.split(","));
      if (!by.success) {
        const message = "query `by`: takes `application`, `model`, `user` and `day`, separated by commas";
        return refuse(reply, { code: "invalid_request", message });
      }
      const rows = await usage.query(by.data, request.query.from ?? null, request.query.to ?? null);
      const page = pageOf(rows, rowName, request.query);
      return { usage: page.items.map((row) => shown(row, by.data)), next: page.next };
    },
  );
}

/** Zero bytes between them, so that rows stand in the order of their dimensions. */
function rowName(row: UsageRow): string {
  return [row.day, row.application, row.user, row.model].join("\0");
}

function shown(row: UsageRow, by: readonly UsageDimension[]): z.output<typeof usageRow> {
  const asked = (one: UsageDimension): string | null => (by.includes(one) ? row[one] : null);
  return {
    day: asked("day"),
    application: asked("application"),
    user: asked("user"),
    model: asked("model"),
    calls: row.calls,
    refused: row.refused,
    input_tokens: row.inputTokens,
    cached_input_tokens: row.cachedInputTokens,
    output_tokens: row.outputTokens,
    cost_micro_usd: row.costMicroUsd,
    estimated: row.estimated,
    unpriced: row.unpriced,
  };
}
