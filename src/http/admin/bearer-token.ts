// Whose token a request came with.

import type { FastifyReply, FastifyRequest } from "fastify";
import { fail, type Result } from "../../core/result.ts";
import type { Operator } from "../../identity/operator.ts";
import { refuse } from "./admin-error.ts";

export interface OperatorTokens {
  /** The operator that a bearer token belongs to. `unavailable`: nobody can tell now. */
  authenticate(token: string): Promise<Result<Operator, "unknown" | "unavailable">>;
}

/** `why` is null for who sent no token. */
export function challenge(reply: FastifyReply, why: "unknown" | "unavailable" | null): FastifyReply {
  if (why === "unavailable") {
    const message = "it cannot be looked up now whose token this is; try again when /readyz says so";
    return refuse(reply, { code: "unavailable", message });
  }
  // RFC 6750 §3: no error code for who sent no token.
  const problem = why === null ? "" : ', error="invalid_token"';
  reply.header("www-authenticate", `Bearer realm="portcullis"${problem}`);
  const message =
    why === null
      ? "send an operator's token as `Authorization: Bearer`; `portcullis up` writes one to `data/operator.json`, and `portcullis operators invite` makes one for a person"
      : "this is no operator's token, or it has ended; `portcullis up` writes one to `data/operator.json`, and `portcullis operators invite` makes one for a person";
  return refuse(reply, { code: "unauthorized", message });
}

/** Null: it came without a token. */
export async function operatorOf(
  tokens: OperatorTokens,
  { headers }: Pick<FastifyRequest, "headers">,
): Promise<Result<Operator, "unknown" | "unavailable" | null>> {
  const [, token] = /^bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  return token === undefined ? fail(null) : tokens.authenticate(token);
}
