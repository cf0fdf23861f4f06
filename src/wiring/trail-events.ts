// The entries of administration: what each part's events look like on the trail.

import type { Subjects } from "../audit/subjects.ts";
import type { Trail } from "../audit/trail.ts";
import { rfc3339 } from "../core/clock.ts";
import type { EncodedEntry } from "../core/entry.ts";
import type { SecretEvents } from "../credentials/embedded-secret-store.ts";
import type { KeyEvents } from "../identity/api-keys.ts";
import type { PolicyEvents } from "../policy/active-policies.ts";

export interface TrailEvents {
  readonly keys: KeyEvents;
  readonly secrets: SecretEvents;
  readonly policies: PolicyEvents;
  config(digest: string): EncodedEntry;
}

/** People are on record by their pseudonyms (audit/leaf-schema.ts). */
export function trailEvents(trail: Trail, subjects: Pick<Subjects, "operatorId">): TrailEvents {
  const actorId = (name: string) => subjects.operatorId(name);
  const operator = (id: string) => ({ kind: "operator" as const, id });
  const gateway = { kind: "gateway" as const, id: "portcullis" };
  return {
    keys: {
      actorId,
      created: (key, actor) =>
        trail.encode(
          {
            type: "key.created",
            actor: operator(actor),
            key: key.id,
            application: key.application,
            expires: key.expiresAt === null ? null : rfc3339(key.expiresAt),
          },
          null,
        ),
      rotated: (key, successor, expiresAt, actor) =>
        trail.encode(
          {
            type: "key.rotated",
            actor: operator(actor),
            key: key.id,
            application: key.application,
            successor,
            expires: rfc3339(expiresAt),
          },
          null,
        ),
      revoked: (key, actor) =>
        trail.encode(
          { type: "key.revoked", actor: operator(actor), key: key.id, application: key.application },
          null,
        ),
    },
    secrets: {
      actorId,
      set: (secret, version, actor) =>
        trail.encode({ type: "secret.set", actor: operator(actor), secret, version }, null),
      destroyed: (secret, version, actor) =>
        trail.encode({ type: "secret.destroyed", actor: operator(actor), secret, version }, null),
    },
    policies: {
      activated: (event) => trail.encode({ type: "policy.activated", actor: gateway, ...event }, null),
    },
    config: (digest) => trail.encode({ type: "config.activated", actor: gateway, digest }, null),
  };
}
