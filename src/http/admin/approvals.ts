// Approvals: what waits for people, what they are shown of it, and their decisions. Reading decides nothing.

import type { FastifyInstance, FastifyReply } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { approvalStates } from "../../approvals/approval-states.ts";
import type { Voter } from "../../approvals/ports.ts";
import { approvalView } from "../../approvals/view-schema.ts";
import type { Ballot } from "../../approvals/voting.ts";
import type { Result } from "../../core/result.ts";
import type { SourceAddress } from "../source-address.ts";
import { type AdminFailure, errorResponses, refuse } from "./admin-error.ts";
import { adminSchemas, noQuery, timestamp } from "./admin-schemas.ts";
import { next } from "./page.ts";
import { voterOf } from "./voter.ts";

const state = z.enum(approvalStates);
const digest = z.string().regex(/^[0-9a-f]{64}$/, "a digest is 64 hexadecimal digits");

const summary = z
  .strictObject({
    id: z.string(),
    revision: z.int().min(1),
    state,
    digest: z.string().register(adminSchemas, {
      description: "Of all that is signed off. A decision names it, and one over anything else is refused.",
    }),
    kind: z.enum(["call", "action"]),
    tool: z.string().nullable(),
    target: z.string().nullable(),
    effect: z.enum(["read", "write"]).nullable(),
    application: z.string(),
    user: z.string().nullable().register(adminSchemas, { description: "Pseudonym." }),
    call: z.string(),
    hold: z.string().register(adminSchemas, { description: "What is decided and released together." }),
    sign_offs: approvalView.shape.sign_offs,
    requested: timestamp,
    expires: timestamp,
    arguments: z.string().nullable().register(adminSchemas, {
      description:
        "The very bytes: a tool call's arguments, or a held request's body. For programs; people are shown the view. Null when they cannot be opened.",
    }),
  })
  .register(adminSchemas, { id: "Approval" });
const shown = z
  .strictObject({
    approval: summary,
    view: approvalView.register(adminSchemas, {
      id: "ApprovalView",
      description:
        "All that it takes to decide. What cannot be seen is written out in every text, as `<U+200B>`; nothing is cut off.",
    }),
    shown: z.string().register(adminSchemas, {
      description:
        "SHA-256 of the canonical JSON (RFC 8785) of the view, as the entry `approval.viewed` records it.",
    }),
  })
  .register(adminSchemas, { id: "ShownApproval" });

export type ApprovalSummary = z.output<typeof summary>;
export type ShownApproval = z.output<typeof shown>;

export interface ApprovalQuery {
  readonly states: readonly ApprovalSummary["state"][] | null;
  /** What their ids begin with. */
  readonly prefix: string;
  /** Only those with a larger id. */
  readonly after: string;
  readonly limit: number;
}

export interface ApprovalEdit {
  readonly digest: string;
  readonly bytes: string;
  readonly reason: string | null;
}

export interface ApprovalServices {
  /** Oldest first. A page may be shorter than `limit` and be followed by more. */
  list(
    query: ApprovalQuery,
  ): Promise<{ readonly items: readonly ApprovalSummary[]; readonly next: string | null }>;
  /** Puts on record that the operator was shown it. */
  show(id: string, operator: string): Promise<Result<ShownApproval, AdminFailure>>;
  vote(id: string, voter: Voter, ballot: Ballot): Promise<Result<ApprovalSummary, AdminFailure>>;
  edit(id: string, voter: Voter, edit: ApprovalEdit): Promise<Result<ApprovalSummary, AdminFailure>>;
  revoke(id: string, voter: Voter, reason: string | null): Promise<Result<ApprovalSummary, AdminFailure>>;
}

const approvalId = z
  .string()
  .regex(/^apr_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "an approval is named `apr_<uuidv7>`");
const params = z.strictObject({ id: approvalId });
const reason = z
  .string()
  .trim()
  .max(2_000)
  .nullish()
  .transform((text) => text || null)
  .register(adminSchemas, { description: "For the record, and for whoever asked." });
const listQuery = z.strictObject({
  state: z
    .string()
    .max(200)
    .optional()
    .register(adminSchemas, { description: "Only in these states, separated by commas; left out: in any." }),
  id: z
    .string()
    .regex(/^apr_[0-9a-f-]{0,35}$/, "it takes the beginning of an id, `apr_…`")
    .optional()
    .register(adminSchemas, { description: "Only those whose ids begin like this." }),
  cursor: approvalId
    .optional()
    .register(adminSchemas, { description: "`next` of the page before, with the same other parameters." }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const states = z.array(state).min(1);
const tags = ["approvals"];
const decided = {
  200: summary,
  ...errorResponses(
    "forbidden",
    "not_found",
    "conflict",
    "gone",
    "body_too_large",
    "unsupported_media_type",
    "unavailable",
  ),
};

export function approvalRoutes(
  app: FastifyInstance,
  approvals: ApprovalServices,
  sourceAddress: SourceAddress,
): void {
  listRoute(app, approvals);
  showRoute(app, approvals);
  voteRoute(app, approvals, sourceAddress);
  editRoute(app, approvals, sourceAddress);
  revokeRoute(app, approvals, sourceAddress);
}

function listRoute(plain: FastifyInstance, approvals: ApprovalServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/approvals",
    {
      schema: {
        operationId: "listApprovals",
        summary: "Approvals, oldest first, each in its newest revision",
        description:
          "A page may have fewer than `limit` and be followed by more: it ends early when arguments are large.",
        tags,
        querystring: listQuery,
        response: {
          200: z.strictObject({ approvals: z.array(summary), next }),
          ...errorResponses("unavailable"),
        },
      },
    },
    async ({ query }, reply) => {
      const asked = query.state === undefined ? null : states.safeParse(query.state.split(","));
      if (asked?.success === false) {
        const message = `query \`state\`: takes states separated by commas: ${approvalStates.join(", ")}`;
        return refuse(reply, { code: "invalid_request", message });
      }
      const { id: prefix = "", cursor: after = "", limit } = query;
      const page = await approvals.list({ states: asked?.data ?? null, prefix, after, limit });
      return { approvals: [...page.items], next: page.next };
    },
  );
}

function showRoute(plain: FastifyInstance, approvals: ApprovalServices): void {
  plain.withTypeProvider<ZodTypeProvider>().get(
    "/approvals/:id",
    {
      // It would put on record that somebody saw what was not sent.
      exposeHeadRoute: false,
      schema: {
        operationId: "getApproval",
        summary: "What an approver is shown; that they were shown it goes on record",
        tags,
        querystring: noQuery,
        params,
        response: { 200: shown, ...errorResponses("not_found", "conflict", "gone", "unavailable") },
      },
    },
    async (request, reply) => answered(reply, await approvals.show(request.params.id, request.operator.name)),
  );
}

function voteRoute(plain: FastifyInstance, approvals: ApprovalServices, sourceAddress: SourceAddress): void {
  plain.withTypeProvider<ZodTypeProvider>().post(
    "/approvals/:id/votes",
    {
      schema: {
        operationId: "voteOnApproval",
        summary: "Approve or reject what was shown; a vote that does not count is on record too",
        tags,
        querystring: noQuery,
        params,
        body: z.strictObject({ decision: z.enum(["approve", "reject"]), digest, reason }),
        response: decided,
      },
    },
    async (request, reply) => {
      const voter = voterOf(request, sourceAddress);
      if (!voter.ok) return refuse(reply, voter.failure);
      const ballot = { ...request.body, reason: request.body.reason };
      return answered(reply, await approvals.vote(request.params.id, voter.value, ballot));
    },
  );
  refuseOtherMethods(plain, "/approvals/:id/votes");
}

function editRoute(plain: FastifyInstance, approvals: ApprovalServices, sourceAddress: SourceAddress): void {
  plain.withTypeProvider<ZodTypeProvider>().post(
    "/approvals/:id/edit",
    {
      schema: {
        operationId: "editApproval",
        summary:
          "Other arguments in place of these: a new revision, on which all vote anew and the editor does not",
        tags,
        querystring: noQuery,
        params,
        body: z.strictObject({
          digest,
          arguments: z.string().register(adminSchemas, { description: "The very bytes, as text." }),
          reason,
        }),
        response: decided,
      },
    },
    async (request, reply) => {
      const voter = voterOf(request, sourceAddress);
      if (!voter.ok) return refuse(reply, voter.failure);
      const { digest: seen, arguments: bytes, reason: why } = request.body;
      const edit = { digest: seen, bytes, reason: why };
      return answered(reply, await approvals.edit(request.params.id, voter.value, edit));
    },
  );
  refuseOtherMethods(plain, "/approvals/:id/edit");
}

function revokeRoute(
  plain: FastifyInstance,
  approvals: ApprovalServices,
  sourceAddress: SourceAddress,
): void {
  plain.withTypeProvider<ZodTypeProvider>().post(
    "/approvals/:id/revoke",
    {
      schema: {
        operationId: "revokeApproval",
        summary: "Take back what waits, or was approved and not used yet",
        tags,
        querystring: noQuery,
        params,
        body: z.strictObject({ reason }),
        response: decided,
      },
    },
    async (request, reply) => {
      const voter = voterOf(request, sourceAddress);
      if (!voter.ok) return refuse(reply, voter.failure);
      const { reason: why } = request.body;
      return answered(reply, await approvals.revoke(request.params.id, voter.value, why));
    },
  );
  refuseOtherMethods(plain, "/approvals/:id/revoke");
}

/** Links are followed by browsers, previews and scanners: none of that decides. */
function refuseOtherMethods(app: FastifyInstance, url: string): void {
  app.route({
    method: ["GET", "HEAD", "PUT", "PATCH", "DELETE"],
    url,
    schema: { hide: true },
    handler: async (request, reply) => {
      reply.header("allow", "POST");
      const message = `\`${request.method}\` decides nothing; send it as \`POST\`, as /api/openapi.json describes`;
      return refuse(reply, { code: "method_not_allowed", message });
    },
  });
}

function answered<Value>(reply: FastifyReply, result: Result<Value, AdminFailure>): FastifyReply {
  return result.ok ? reply.send(result.value) : refuse(reply, result.failure);
}
