// The entries of administration: what each part's events look like on the trail.

import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { LogUnavailableError } from "../audit/log-store.ts";
import type { ExpiredPayload } from "../audit/payload-retention.ts";
import type { Subjects } from "../audit/subjects.ts";
import type { Trail } from "../audit/trail.ts";
import { rfc3339 } from "../core/clock.ts";
import type { EncodedEntry } from "../core/entry.ts";
import type { SecretEvents } from "../credentials/embedded-secret-store.ts";
import type { KeyEvents } from "../identity/api-keys.ts";
import type { OperatorEvents } from "../identity/operators.ts";
import type { PolicyEvents } from "../policy/active-policies.ts";

export interface TrailEvents {
  readonly keys: KeyEvents;
  readonly operators: OperatorEvents;
  readonly secrets: SecretEvents;
  readonly policies: PolicyEvents;
  config(digest: string): EncodedEntry;
  payloadExpired(expired: ExpiredPayload): EncodedEntry;
}

/** People are on record by their pseudonyms (verify/src/leaves/leaf-schema.ts). */
export function trailEvents(trail: Trail, subjects: Pick<Subjects, "operatorId">): TrailEvents {
  const actorId = (name: string) => subjects.operatorId(name);
  const operator = (id: string) => ({ kind: "operator" as const, id });
  const gateway = { kind: "gateway" as const, id: "portcullis" };
  // These changes commit in transactions of their own, past the trail: what it would not take must not happen there either.
  const entry = (body: LeafBody): EncodedEntry => {
    if (!trail.available) throw new LogUnavailableError("the trail takes no entries");
    return trail.encode(body, null);
  };
  return {
    keys: {
      actorId,
      created: (key, actor) =>
        entry({
          type: "key.created",
          actor: operator(actor),
          key: key.id,
          application: key.application,
          expires: key.expiresAt === null ? null : rfc3339(key.expiresAt),
        }),
      rotated: (key, successor, expiresAt, actor) =>
        entry({
          type: "key.rotated",
          actor: operator(actor),
          key: key.id,
          application: key.application,
          successor,
          expires: rfc3339(expiresAt),
        }),
      revoked: (key, actor) =>
        entry({ type: "key.revoked", actor: operator(actor), key: key.id, application: key.application }),
    },
    operators: {
      invited: ({ person, expiresAt }, actor) =>
        entry({
          type: "operator.invited",
          actor: operator(actor),
          operator: person,
          expires: expiresAt === null ? null : rfc3339(expiresAt),
        }),
      removed: ({ person }, actor) =>
        entry({ type: "operator.removed", actor: operator(actor), operator: person }),
    },
    secrets: {
      actorId,
      set: (secret, version, actor) => entry({ type: "secret.set", actor: operator(actor), secret, version }),
      destroyed: (secret, version, actor) =>
        entry({ type: "secret.destroyed", actor: operator(actor), secret, version }),
    },
    policies: {
      activated: (event) => trail.encode({ type: "policy.activated", actor: gateway, ...event }, null),
    },
    payloadExpired: (expired) =>
      trail.encode(
        {
          type: "payload.expired",
          actor: gateway,
          entries: expired.entries,
          bytes: expired.bytes,
          oldest: rfc3339(expired.oldest),
          newest: rfc3339(expired.newest),
          applications: named(expired.applications),
        },
        null,
      ),
    config: (digest) => trail.encode({ type: "config.activated", actor: gateway, digest }, null),
  };
}

const maxNames = 100;

function named(names: readonly string[]): { readonly names: string[]; readonly more: number } {
  return { names: names.slice(0, maxNames), more: Math.max(0, names.length - maxNames) };
}
