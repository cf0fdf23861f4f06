// What guards the rows of operators' tokens.

import type { SecretValue } from "../core/secret-value.ts";
import type { OperatorTokenRecord } from "./operator-store.ts";
import { TokenGuard } from "./token-guard.ts";

export type OperatorGuard = TokenGuard<OperatorTokenRecord>;

/** `path` is the file of ends. Throws `OperatorError` when it cannot be read as one. */
export function openOperatorGuard(macKey: SecretValue, path: string): Promise<OperatorGuard> {
  const kind = { label: "portcullis/operator-token/v1", name: "operators' tokens", fieldsOf };
  return TokenGuard.open(kind, macKey, path);
}

function fieldsOf(token: OperatorTokenRecord): readonly (string | number | null)[] {
  const { id, person, serial, hash, hint, createdAt, createdBy, expiresAt, revokedAt } = token;
  return [id, person, serial, hash, hint, createdAt, createdBy, expiresAt, revokedAt];
}
