// What the admin API does, from the parts that do it.

import type { LogStore } from "../audit/log-store.ts";
import { rfc3339 } from "../core/clock.ts";
import { fail, ok } from "../core/result.ts";
import { SecretValue } from "../core/secret-value.ts";
import type { EmbeddedSecretStore } from "../credentials/embedded-secret-store.ts";
import type { AdminServices, EntrySummary } from "../http/admin-api.ts";
import type { ApiKeys, KeyFailure } from "../identity/api-keys.ts";
import { isOperatorToken, type OperatorFile } from "../identity/operator-token.ts";
import type { DecisionPoint } from "../policy/decision.ts";
import type { UsageProjection } from "../usage/usage-projection.ts";
import type { UsageStore } from "../usage/usage-store.ts";

export interface AdminParts {
  readonly keys: ApiKeys;
  readonly secrets: EmbeddedSecretStore;
  readonly log: LogStore;
  readonly usage: UsageProjection;
  readonly usageStore: UsageStore;
  readonly policies: DecisionPoint;
  /** Filled in once the gateway listens; nobody is authenticated before. */
  readonly operatorHolder: { readonly file: OperatorFile | null };
}

export function adminServices(parts: AdminParts): AdminServices {
  const { keys, secrets, log } = parts;
  return {
    authenticate: (token) => {
      const { file } = parts.operatorHolder;
      return file !== null && isOperatorToken(file, token) ? file.operator : null;
    },
    listKeys: async () =>
      (await keys.list()).map((key) => ({
        id: key.id,
        application: key.application,
        hint: key.hint,
        created: rfc3339(key.createdAt),
        expires: key.expiresAt === null ? null : rfc3339(key.expiresAt),
        revoked: key.revokedAt === null ? null : rfc3339(key.revokedAt),
      })),
    createKey: async (application, operator) => newKey(await keys.create(application, operator)),
    rotateKey: async (id, operator) => newKey(await keys.rotate(id, operator)),
    revokeKey: async (id, operator) => {
      const revoked = await keys.revoke(id, operator);
      return revoked.ok ? ok(null) : fail(keyFailure(revoked.failure));
    },
    listSecrets: async () =>
      (await secrets.list()).map(({ name, version, createdAt }) => ({
        name,
        version,
        created: rfc3339(createdAt),
      })),
    setSecret: async (name, value, operator) => {
      const set = await secrets.put(name, new SecretValue(value), operator);
      return set.ok
        ? ok({ version: set.value })
        : fail(`\`${name}\` was changed at the same time; look at it and try again`);
    },
    destroySecret: async (name, operator) => {
      const destroyed = await secrets.destroy(name, operator);
      return destroyed.ok ? ok(null) : fail(`there is no secret \`${name}\``);
    },
    entries: async (from, limit) => (await log.read(from, from + limit)).map(summary),
    entry: async (index) => {
      const [entry] = await log.read(index, index + 1);
      return entry === undefined ? null : summary(entry);
    },
    size: async () => (await log.head()).size,
    usage: async (by, from, to) => {
      await parts.usage.catchUp();
      return parts.usageStore.query({ by, from, to });
    },
    policyRevision: () => parts.policies.revision,
  };
}

function summary(entry: { readonly index: number; readonly leaf: Uint8Array }): EntrySummary {
  return { index: entry.index, leaf: JSON.parse(Buffer.from(entry.leaf).toString("utf8")) };
}

function newKey(made: Awaited<ReturnType<ApiKeys["create"]>>) {
  return made.ok ? ok({ id: made.value.record.id, key: made.value.key }) : fail(keyFailure(made.failure));
}

function keyFailure(failure: KeyFailure): string {
  switch (failure.reason) {
    case "unknown_application":
      return `there is no application \`${failure.application}\`; add it to \`applications\` in portcullis.yaml`;
    case "unknown_key":
      return `there is no key \`${failure.id}\`; \`portcullis keys list\` shows them`;
    case "ended":
      return `the key \`${failure.id}\` has ended already`;
  }
}
