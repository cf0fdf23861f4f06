// What guards the rows of API keys.

import type { SecretValue } from "../core/secret-value.ts";
import type { ApiKeyRecord } from "./key-store.ts";
import { TokenGuard } from "./token-guard.ts";

export type KeyGuard = TokenGuard<ApiKeyRecord>;

/** `path` is the file of ends. Throws `OperatorError` when it cannot be read as one. */
export function openKeyGuard(macKey: SecretValue, path: string): Promise<KeyGuard> {
  return TokenGuard.open({ label: "portcullis/api-key/v1", name: "API keys", fieldsOf }, macKey, path);
}

function fieldsOf(key: ApiKeyRecord): readonly (string | number | null)[] {
  const { id, application, hash, hint, createdAt, createdBy, expiresAt, revokedAt } = key;
  return [id, application, hash, hint, createdAt, createdBy, expiresAt, revokedAt];
}
