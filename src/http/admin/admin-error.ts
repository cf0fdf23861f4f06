// Every way in which the admin API can say no, in one shape: `{"error":{"code","message"}}`.

import type { FastifyReply } from "fastify";
import { z } from "zod";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { adminSchemas } from "./admin-schemas.ts";

const statusOf = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  gone: 410,
  body_too_large: 413,
  unsupported_media_type: 415,
  internal: 500,
  unavailable: 503,
} as const;

export type AdminErrorCode = keyof typeof statusOf;

/** The message is for people: lowercase, holds no secret, says what to do next. */
export interface AdminFailure {
  readonly code: AdminErrorCode;
  readonly message: string;
}

/** Most that a request's body may have. */
export const bodyLimitBytes = 1024 * 1024;

const errorSchema = z
  .strictObject({
    error: z.strictObject({ code: z.enum(Object.keys(statusOf) as AdminErrorCode[]), message: z.string() }),
  })
  .register(adminSchemas, { id: "Error", description: "What went wrong, and what to do about it." });

/** The error answers of a route, for its response schemas. Every route has `invalid_request`, `unauthorized`, `internal` and `unavailable`. */
export function errorResponses<Code extends AdminErrorCode>(
  ...codes: readonly Code[]
): { readonly [Status in (typeof statusOf)[Code | EveryRoute]]: typeof errorSchema };
export function errorResponses(
  ...codes: readonly AdminErrorCode[]
): Readonly<Record<number, typeof errorSchema>> {
  return Object.fromEntries([...everyRoute, ...codes].map((code) => [statusOf[code], errorSchema]));
}

const everyRoute = ["invalid_request", "unauthorized", "internal", "unavailable"] as const;
type EveryRoute = (typeof everyRoute)[number];

export function refuse(reply: FastifyReply, failure: AdminFailure): FastifyReply {
  const { code, message } = failure;
  return reply.code(statusOf[code]).send({ error: { code, message } });
}

/** What Fastify or a handler threw. Null when it is a fault of the gateway's own, which the answer does not tell. */
export function failureOf(thrown: unknown): AdminFailure | null {
  if (thrown instanceof RequestFault) return { code: "invalid_request", message: thrown.message };
  if (thrown instanceof LogUnavailableError) {
    return {
      code: "unavailable",
      message: "the trail cannot be written, so nothing was changed; try again when /readyz says so",
    };
  }
  if (thrown instanceof FencedError) {
    return {
      code: "unavailable",
      message: "another gateway has taken over the log, so nothing was changed; ask that one",
    };
  }
  return thrown instanceof Error ? requestFailure(thrown) : null;
}

/** A request that is refused before any handler sees it. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
  readonly statusCode = 400;
}

interface FastifyFault extends Error {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly validation?: unknown;
  readonly validationContext?: unknown;
}

function requestFailure(fault: FastifyFault): AdminFailure | null {
  if (Array.isArray(fault.validation)) {
    return {
      code: "invalid_request",
      message: validationText(fault.validation, String(fault.validationContext)),
    };
  }
  if (fault.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return { code: "body_too_large", message: `a body has at most ${bodyLimitBytes} bytes` };
  }
  if (fault.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return { code: "unsupported_media_type", message: "send the body as `content-type: application/json`" };
  }
  const status = typeof fault.statusCode === "number" ? fault.statusCode : 500;
  return status < 500 ? { code: "invalid_request", message: "the request is malformed" } : null;
}

const issue = z.object({ instancePath: z.string(), message: z.string() });

/** Zod's messages name what was expected and never the value that came. */
function validationText(issues: readonly unknown[], context: string): string {
  const read = issue.safeParse(issues[0]);
  if (!read.success) return "the request is malformed";
  const { instancePath, message } = read.data;
  if (context === "body" && instancePath === "/" && message.startsWith("Invalid input"))
    return "the body has to be a JSON object";
  const place = instancePath.replace(/^\//, "").replaceAll("/", ".");
  const where = context === "querystring" ? "query" : context === "params" ? "path" : context;
  const text = message.slice(0, 1).toLowerCase() + message.slice(1).replaceAll('"', "`");
  return place === "" || place === "*" ? `${where}: ${text}` : `${where} \`${place}\`: ${text}`;
}
