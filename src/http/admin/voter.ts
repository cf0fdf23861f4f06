// Who decides by the admin API: the operator behind the token, and where the request comes from.

import type { FastifyRequest } from "fastify";
import type { Voter } from "../../approvals/ports.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import type { SourceAddress } from "../source-address.ts";
import type { AdminFailure } from "./admin-error.ts";

export function voterOf(
  { operator, raw, headers }: Pick<FastifyRequest, "operator" | "raw" | "headers">,
  sourceAddress: SourceAddress,
): Result<Voter, AdminFailure> {
  const forwarded = headers["x-forwarded-for"];
  const address = sourceAddress(
    raw.socket.remoteAddress,
    Array.isArray(forwarded) ? forwarded.join() : forwarded,
  );
  if (!address.ok) {
    const message =
      "it cannot be told where the request comes from: a trusted proxy sends no address in `X-Forwarded-For`";
    return fail({ code: "invalid_request", message });
  }
  return ok({ ...operator, sourceAddress: address.value });
}
