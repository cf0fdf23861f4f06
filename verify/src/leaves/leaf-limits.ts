// What the schema holds of text that names something and so must not be cut. An entry that its own reader refuses must
// never be recorded. Checked by hand, because entries of calls are encoded while a client waits; what is computed here
// (ids, digests, commitments) has its length from where it is made.

import type { LeafBody } from "./leaf-schema.ts";

export interface FieldTooLong {
  readonly reason: "field_too_long";
  readonly field: string;
  /** Characters (UTF-16 code units) or elements that fit. */
  readonly limit: number;
}

type CallBody = LeafBody<"call.decided" | "action.decided" | "call.completed">;

/** The first field of the body that the schema does not hold, or null. */
export function overlongField(body: CallBody): FieldTooLong | null {
  const common =
    longer("actor.id", body.actor.id, 128) ??
    longer("application", body.application, 64) ??
    longer("call", body.call, 64) ??
    longer("user", body.user, 64);
  if (common !== null) return common;
  switch (body.type) {
    case "call.decided":
      return (
        longer("target", body.target, 320) ??
        longer("approval", body.approval ?? null, 64) ??
        longer("hold", body.hold ?? null, 64) ??
        overlongDecision(body)
      );
    case "action.decided":
      return (
        longer("action", body.action, 64) ??
        longer("tool_digest", body.tool_digest, 80) ??
        longer("approval", body.approval, 64) ??
        overlongDecision(body)
      );
    case "call.completed":
      return (
        longer("target", body.target, 320) ??
        longer("reason", body.reason, 64) ??
        longer("hold", body.hold ?? null, 64) ??
        longer("price_source", body.price_source, 64) ??
        anyLonger("failed.target", body.failed?.map(({ target }) => target) ?? [], 320)
      );
  }
}

function overlongDecision(body: LeafBody<"call.decided" | "action.decided">): FieldTooLong | null {
  return (
    anyLonger("groups", body.groups, 64) ??
    overlongRuling("", body) ??
    (body.shadow === undefined ? null : overlongRuling("shadow.", body.shadow))
  );
}

type DecidedBody = LeafBody<"call.decided">;

function overlongRuling(
  under: string,
  { policies, sign_offs }: Pick<DecidedBody, "policies" | "sign_offs">,
): FieldTooLong | null {
  return (
    longer(`${under}policies.ids`, policies.ids, 100) ??
    anyLonger(`${under}policies.ids`, policies.ids, 128) ??
    anyLonger(`${under}sign_offs`, sign_offs, 64)
  );
}

function longer(
  field: string,
  value: { readonly length: number } | null,
  limit: number,
): FieldTooLong | null {
  return value !== null && value.length > limit ? { reason: "field_too_long", field, limit } : null;
}

function anyLonger(field: string, texts: readonly string[], limit: number): FieldTooLong | null {
  for (const text of texts) if (text.length > limit) return { reason: "field_too_long", field, limit };
  return null;
}
