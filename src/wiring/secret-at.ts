// What a `secret://` reference of the config leads to, looked up when it is needed: a secret that is set later counts.

import { fail, ok, type Result } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import { parseSecretReference } from "../credentials/secret-reference.ts";

export type Secrets = Pick<EmbeddedSecretStore, "get">;

/** `what` begins the text of a failure, which holds no secret: `its key`. */
export function secretAt(
  written: string,
  secrets: Secrets,
  what: string,
): () => Promise<Result<SecretValue, string>> {
  const reference = parseSecretReference(written);
  return async () => {
    if (reference === null) return fail(`\`${written}\` is not a secret reference`);
    const secret = await secrets.get(reference.name);
    if (!secret.ok) {
      return fail(
        secret.failure.reason === "absent"
          ? `${what} is not in the secret store; run \`portcullis secrets set ${reference.name}\``
          : `${what} cannot be opened with this key-encryption key`,
      );
    }
    const { field } = reference;
    return field === null ? ok(secret.value) : fieldOf(secret.value, field, what);
  };
}

function fieldOf(secret: SecretValue, field: string, what: string): Result<SecretValue, string> {
  try {
    const held: unknown = secret.use((text) => JSON.parse(text));
    const value =
      typeof held === "object" && held !== null ? new Map(Object.entries(held)).get(field) : undefined;
    return typeof value === "string" ? ok(new SecretValue(value)) : fail(`${what} has no field \`${field}\``);
  } catch {
    return fail(`${what} is not a JSON object`);
  }
}
