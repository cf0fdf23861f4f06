// What the admin API does, from the parts that do it.

import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { type CheckedPayload, checkPayloads } from "portcullis-verify/rules/payload-check.ts";
import type { ApprovalFeed } from "../approvals/approval-feed.ts";
import { entryProof } from "../audit/entry-proof.ts";
import type { LogStore, StoredEntry } from "../audit/log-store.ts";
import type { Payloads } from "../audit/payloads.ts";
import type { Trail } from "../audit/trail.ts";
import { rfc3339 } from "../core/clock.ts";
import { fail, ok, type Result } from "../core/result.ts";
import type { EmbeddedSecretStore, SecretFailure } from "../credentials/embedded-secret-store.ts";
import type { AdminFailure } from "../http/admin/admin-error.ts";
import type { KeyServices, KeySummary, NewKey } from "../http/admin/keys.ts";
import type { SecretServices } from "../http/admin/secrets.ts";
import type { AdminServices } from "../http/admin-api.ts";
import type { ApiKeys, NewKey as CreatedKey, KeyFailure, ListedKey } from "../identity/api-keys.ts";
import type { DecisionPoint } from "../policy/decision.ts";
import type { RevisionStore } from "../policy/revision-store.ts";
import type { StandingCounter } from "../usage/standing-counters.ts";
import type { UsageProjection } from "../usage/usage-projection.ts";
import type { UsageStore } from "../usage/usage-store.ts";
import { type ApprovalServiceParts, approvalServices } from "./approval-services.ts";
import { authentication, type OperatorServiceParts, operatorServices } from "./operator-services.ts";
import { shownTime, tokenState } from "./shown-token.ts";

export interface AdminParts {
  readonly approvals: ApprovalServiceParts;
  readonly feed: ApprovalFeed;
  /** Between two signs of life to whoever follows the events; 15 seconds unless a test is in a hurry. */
  readonly heartbeatMs?: number;
  readonly keys: ApiKeys;
  readonly operators: OperatorServiceParts;
  readonly secrets: EmbeddedSecretStore;
  readonly log: LogStore;
  readonly trail: Pick<Trail, "published">;
  readonly usage: UsageProjection;
  readonly usageStore: UsageStore;
  /** Where the counters of all applications and groups stand. */
  readonly standing: () => Promise<readonly StandingCounter[]>;
  readonly policies: DecisionPoint;
  readonly revisions: Pick<RevisionStore, "byRevision">;
  /** Without it no payload is shown. */
  readonly payloads?: Payloads;
  /** Told of faults that an answer does not tell. */
  readonly onFault?: (fault: Error, route: string) => void;
}

export function adminServices(parts: AdminParts): AdminServices {
  return {
    authenticate: authentication(parts.operators),
    onFault: (fault, route) => parts.onFault?.(fault, route),
    approvals: approvalServices(parts.approvals),
    events: {
      subscribe: (after, listener) => parts.feed.subscribe(after, listener),
      heartbeatMs: parts.heartbeatMs ?? 15_000,
    },
    keys: keyServices(parts.keys),
    operators: operatorServices(parts.operators),
    secrets: secretServices(parts.secrets),
    log: parts.log,
    proofs: {
      checkpoint: () => parts.trail.published,
      proof: (checkpoint, index) => entryProof(parts.log, checkpoint, index),
    },
    payloads: { of: (entry) => payloadsOf(parts, entry) },
    usage: {
      query: async (by, from, to) => {
        await parts.usage.catchUp();
        return parts.usageStore.query({ by, from, to });
      },
    },
    policies: {
      revision: () => parts.policies.revision,
      contentOf: async (revision) => (await parts.revisions.byRevision(revision))?.content ?? null,
    },
    counters: {
      now: async () => {
        await parts.usage.catchUp();
        return parts.standing();
      },
    },
  };
}

function keyServices(keys: ApiKeys): KeyServices {
  const byId = async (id: string): Promise<KeySummary | null> => {
    const record = (await keys.list()).find((one) => one.id === id);
    return record === undefined ? null : keySummary(record);
  };
  return {
    list: async () => (await keys.list()).map(keySummary),
    create: async (application, operator) => {
      const made = await keys.create(application, operator);
      return made.ok ? ok(newKey(made.value)) : fail(keyFailure(made.failure));
    },
    rotate: async (id, operator) => {
      const made = await keys.rotate(id, operator);
      if (!made.ok) return fail(keyFailure(made.failure));
      const old = await byId(id);
      if (old?.expires == null) throw new Error(`the rotated key ${id} has no end`);
      return ok({ ...newKey(made.value), replaces: { id, expires: old.expires } });
    },
    revoke: async (id, operator) => {
      const revoked = await keys.revoke(id, operator);
      if (!revoked.ok) return fail(keyFailure(revoked.failure));
      return ok((await byId(id)) ?? keySummary({ ...revoked.value, damaged: false }));
    },
  };
}

function newKey(made: CreatedKey): NewKey {
  return { ...keySummary({ ...made.record, damaged: false }), key: made.key };
}

function keySummary(key: ListedKey): KeySummary {
  return {
    id: key.id,
    application: key.application,
    hint: key.hint,
    state: tokenState(key),
    created: shownTime(key.createdAt),
    expires: key.expiresAt === null ? null : shownTime(key.expiresAt),
    revoked: key.revokedAt === null ? null : shownTime(key.revokedAt),
  };
}

function keyFailure(failure: KeyFailure): AdminFailure {
  switch (failure.reason) {
    case "unknown_application":
      return {
        code: "invalid_request",
        message: `there is no application \`${failure.application}\`; add it to \`applications\` in portcullis.yaml`,
      };
    case "unknown_key":
      return {
        code: "not_found",
        message: `there is no key \`${failure.id}\`; \`portcullis keys list\` shows them`,
      };
    case "ended":
      return {
        code: "conflict",
        message: `the key \`${failure.id}\` is revoked or ends already; \`portcullis keys list\` shows it`,
      };
    case "damaged":
      return {
        code: "conflict",
        message: `the key \`${failure.id}\` was changed in the data store, so it opens nothing and is left as it is; make another with \`portcullis keys create\``,
      };
  }
}

function secretServices(secrets: EmbeddedSecretStore): SecretServices {
  return {
    list: async () =>
      (await secrets.list()).map(({ name, version, createdAt }) => ({
        name,
        version,
        created: rfc3339(createdAt),
      })),
    set: async (name, value, operator) => {
      const set = await secrets.put(name, value, operator);
      return set.ok ? set : fail(secretFailure(set.failure));
    },
    destroy: async (name, operator) => {
      const destroyed = await secrets.destroy(name, operator);
      return destroyed.ok ? destroyed : fail(secretFailure(destroyed.failure));
    },
  };
}

function secretFailure(failure: SecretFailure): AdminFailure {
  switch (failure.reason) {
    case "absent":
      return {
        code: "not_found",
        message: `there is no secret \`${failure.name}\`; \`portcullis secrets list\` shows them`,
      };
    case "conflict":
      return {
        code: "conflict",
        message: `\`${failure.name}\` was changed at the same time; look at it and try again`,
      };
    case "sealed":
      return {
        code: "conflict",
        message: `\`${failure.name}\` does not open with this key-encryption key; set it anew`,
      };
  }
}

async function payloadsOf(
  { log, payloads }: AdminParts,
  entry: StoredEntry,
): Promise<Result<readonly CheckedPayload[], AdminFailure>> {
  if (payloads === undefined) {
    return fail({ code: "unavailable", message: "this gateway shows no payload" });
  }
  const leaf = parseLeaf(entry.leaf);
  if (!leaf.ok) {
    const message = `entry ${entry.index} cannot be read: ${leaf.failure}; run \`portcullis audit verify\``;
    return fail({ code: "conflict", message });
  }
  const { id } = leaf.value;
  return ok(checkPayloads(leaf.value, await log.salt(id), await payloads.read(id)));
}
