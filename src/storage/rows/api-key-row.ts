// An API key as its row says it.

import type { KeptApiKey } from "../../identity/key-store.ts";
import { integer, integerOrNull, type Row, text } from "./row.ts";

export function apiKeyOf(row: Row): KeptApiKey {
  return {
    id: text(row, "id"),
    application: text(row, "application"),
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
export function apiKeyValues(key: KeptApiKey): (string | number | null)[] {
  return [
    key.id,
    key.application,
    key.hash,
    key.hint,
    key.createdAt,
    key.createdBy,
    key.expiresAt,
    key.revokedAt,
    key.mac,
  ];
}
