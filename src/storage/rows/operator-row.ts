// An operator's token, and what ended the vote of a gateway's own token, as their rows say it.

import type { BootstrapEnd, KeptOperatorToken } from "../../identity/operator-store.ts";
import { integer, integerOrNull, type Row, text } from "./row.ts";

export function operatorTokenOf(row: Row): KeptOperatorToken {
  return {
    id: text(row, "id"),
    person: text(row, "person"),
    serial: integer(row, "serial"),
    hash: text(row, "hash"),
    hint: text(row, "hint"),
    createdAt: integer(row, "created_at"),
    createdBy: text(row, "created_by"),
    expiresAt: integerOrNull(row, "expires_at"),
    revokedAt: integerOrNull(row, "revoked_at"),
    mac: text(row, "mac"),
  };
}

/** In the order of the columns. */
export function operatorTokenValues(token: KeptOperatorToken): (string | number | null)[] {
  return [
    token.id,
    token.person,
    token.serial,
    token.hash,
    token.hint,
    token.createdAt,
    token.createdBy,
    token.expiresAt,
    token.revokedAt,
    token.mac,
  ];
}

/** Null for no row. What nobody of us wrote there is an end all the same. */
export function bootstrapEndOf(row: Row | null): BootstrapEnd | null {
  if (row === null) return null;
  const ended = text(row, "ended_by");
  return ended === "operator_invited" || ended === "provider_used" ? ended : "unknown_use";
}
