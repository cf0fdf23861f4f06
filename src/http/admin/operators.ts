// Operators as people: listed, invited, removed. A token is in the answer to the invitation and nowhere else.

import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { durationMs } from "../../config/units.ts";
import type { Result } from "../../core/result.ts";
import { type AdminFailure, errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery, timestamp } from "./admin-schemas.ts";
import { next, pageOf, pageQuery } from "./page.ts";
import { ownTokenOnly } from "./who-may.ts";

const summary = {
  id: z.string().register(adminSchemas, { description: "Of the person's last token." }),
  name: z.string().nullable().register(adminSchemas, { description: "Null when nobody can tell any more." }),
  hint: z.string().register(adminSchemas, { description: "The token's first characters." }),
  state: z.enum(["active", "expires", "expired", "removed", "damaged"]).register(adminSchemas, {
    description:
      "`expires`: the token is valid until `expires`. `damaged`: its row was changed in the data store, and it opens nothing.",
  }),
  invited: timestamp,
  expires: timestamp.nullable(),
  removed: timestamp.nullable(),
  groups: z.array(z.string()).register(adminSchemas, { description: "Groups of the config that list them." }),
  sign_offs: z.array(z.string()).register(adminSchemas, { description: "Sign-offs that they may give." }),
};
const operatorSummary = z.strictObject(summary).register(adminSchemas, { id: "Operator" });
const invitedOperator = z
  .strictObject({
    ...summary,
    token: z.string().register(adminSchemas, { description: "Shown once; only its hash is kept." }),
  })
  .register(adminSchemas, { id: "InvitedOperator" });
const ownToken = z
  .strictObject({
    name: z.string(),
    votes: z.boolean(),
    reason: z
      .string()
      .nullable()
      .register(adminSchemas, { description: "Why it gives no vote; null when it gives one." }),
  })
  .register(adminSchemas, {
    id: "OwnToken",
    description: "The token in the gateway's own file, and whether whoever has it may vote.",
  });

export type OperatorSummary = z.output<typeof operatorSummary>;
export type InvitedOperator = z.output<typeof invitedOperator>;

export interface OperatorServices {
  list(): Promise<readonly OperatorSummary[]>;
  ownToken(): Promise<z.output<typeof ownToken>>;
  /** A token for a person, in place of the one that they may have; without a lifetime it is valid until they are removed. */
  invite(
    name: string,
    lifetimeMs: number | null,
    operator: string,
  ): Promise<Result<InvitedOperator, AdminFailure>>;
  remove(name: string, operator: string): Promise<Result<OperatorSummary, AdminFailure>>;
}

const name = z.string().min(1).max(254);
const inviteBody = z.strictObject({
  name: name.register(adminSchemas, { description: "E-mail address, as `groups` and `sign_offs` list it." }),
  expires: durationMs.optional().register(adminSchemas, {
    description: "How long the token is valid, such as `30d`. Left out: for ever.",
  }),
});
const params = z.strictObject({
  "*": name.register(adminSchemas, { description: "A slash in it may be sent as `/` or `%2F`." }),
});
const tags = ["operators"];

export function operatorRoutes(plain: FastifyInstance, operators: OperatorServices): void {
  listRoute(plain, operators);
  inviteRoute(plain, operators);
  removeRoute(plain, operators);
}

function listRoute(plain: FastifyInstance, operators: OperatorServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/operators",
    {
      schema: {
        operationId: "listOperators",
        summary: "Everybody who was invited, the removed ones too, and whether the gateway's own token votes",
        tags,
        querystring: pageQuery,
        response: {
          200: z.strictObject({ operators: z.array(operatorSummary), next, own_token: ownToken }),
          ...errorResponses(),
        },
      },
    },
    async (request) => {
      // Ids are UUIDv7, so their order is that of invitation.
      const page = pageOf(await operators.list(), (operator) => operator.id, request.query);
      return { operators: [...page.items], next: page.next, own_token: await operators.ownToken() };
    },
  );
}

function inviteRoute(plain: FastifyInstance, operators: OperatorServices): void {
  plain.withTypeProvider<ZodTypeProvider>().post(
    "/operators",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "inviteOperator",
        summary: "A token for a person, shown once, in place of the one that they may have",
        tags,
        querystring: noQuery,
        body: inviteBody,
        response: {
          201: invitedOperator,
          ...errorResponses("forbidden", "conflict", "body_too_large", "unsupported_media_type"),
        },
      },
    },
    async (request, reply) => {
      const { name: person, expires = null } = request.body;
      const invited = await operators.invite(person, expires, request.operator.name);
      return invited.ok ? reply.code(201).send(invited.value) : refuse(reply, invited.failure);
    },
  );
}

function removeRoute(plain: FastifyInstance, operators: OperatorServices): void {
  plain.withTypeProvider<ZodTypeProvider>().delete(
    "/operators/*",
    {
      config: ownTokenOnly,
      schema: {
        operationId: "removeOperator",
        summary: "Ends a person's token now",
        tags,
        querystring: noQuery,
        params,
        response: { 200: operatorSummary, ...errorResponses("forbidden", "not_found", "conflict") },
      },
    },
    async (request, reply) => {
      const removed = await operators.remove(request.params["*"], request.operator.name);
      return removed.ok ? removed.value : refuse(reply, removed.failure);
    },
  );
}
