// What was used in the windows of now: the numbers that policies are decided on.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { calendarWindows } from "../../core/calendar-window.ts";
import type { StandingCounter } from "../../usage/standing-counters.ts";
import { errorResponses } from "./admin-error.ts";
import { adminSchemas } from "./admin-schemas.ts";
import { next, pageOf, pageQuery } from "./page.ts";

export interface CounterServices {
  /** Of all applications and groups of the config. */
  now(): Promise<readonly StandingCounter[]>;
}

const count = z.int().nonnegative();
const counter = z
  .strictObject({
    kind: z.enum(["application", "group"]),
    name: z.string(),
    window: z.enum(calendarWindows).register(adminSchemas, { description: "Of the UTC calendar." }),
    begins: z.iso.datetime(),
    ends: z.iso.datetime(),
    requests: count,
    tokens: count.register(adminSchemas, { description: "Input and output." }),
    cost_micro_usd: count.register(adminSchemas, {
      description:
        "Millionths of a US dollar; where policies read counters, with what calls under way may still use.",
    }),
    unpriced: count.register(adminSchemas, { description: "Calls whose cost is not known." }),
  })
  .register(adminSchemas, { id: "Counter" });

export function counterRoutes(plain: FastifyInstance, counters: CounterServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/usage/counters",
    {
      schema: {
        operationId: "listCounters",
        summary: "What applications and groups have used in this minute, hour, day and month",
        tags: ["usage"],
        querystring: pageQuery,
        response: { 200: z.strictObject({ counters: z.array(counter), next }), ...errorResponses() },
      },
    },
    async (request) => {
      const page = pageOf(await counters.now(), rowName, request.query);
      return { counters: page.items.flatMap(shown), next: page.next };
    },
  );
}

/** Zero bytes between them; windows from the shortest to the longest. */
function rowName({ kind, name, window }: StandingCounter): string {
  return [kind, name, calendarWindows.indexOf(window)].join("\0");
}

function shown({
  kind,
  name,
  window,
  begins,
  ends,
  amount,
}: StandingCounter): readonly z.output<typeof counter>[] {
  if (kind === "user") return [];
  const { requests, tokens, microUsd, unpriced } = amount;
  return [{ kind, name, window, begins, ends, requests, tokens, cost_micro_usd: microUsd, unpriced }];
}
