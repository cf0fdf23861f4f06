// An entry on its way into another system's format. What is mapped is a copy for searching and alerting: it proves nothing, and
// says where the entry stands so that it can be proved.

import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";

export interface MappedEntry {
  readonly index: number;
  readonly leaf: Leaf;
  /** Of the log. */
  readonly origin: string;
}

/** What whoever acted is called: an application's name, or an operator's pseudonym. */
export function actorName({ actor }: Leaf): string {
  return actor.kind === "gateway" ? "portcullis" : actor.id;
}

/** Whether what was asked for did not happen; null where nothing was asked for. */
export function wasRefused(leaf: Leaf): boolean | null {
  switch (leaf.type) {
    case "call.decided":
    case "action.decided":
      return leaf.decision !== "permit";
    case "call.completed":
      return leaf.outcome !== "ok" && leaf.outcome !== "partial";
    case "approval.vote_refused":
      return true;
    default:
      return null;
  }
}

/** What it is about: a model, a tool, a key, and so on. Null where nothing has a name. */
export function subjectOf(leaf: Leaf): { readonly type: string; readonly name: string } | null {
  const named = (type: string, name: string | null) => (name === null ? null : { type, name });
  switch (leaf.type) {
    case "call.decided":
    case "call.completed":
      return named("model", leaf.target);
    case "action.decided":
      return named("tool", leaf.tool);
    case "key.created":
    case "key.rotated":
    case "key.revoked":
      return named("api_key", leaf.key);
    case "secret.set":
    case "secret.destroyed":
      return named("secret", leaf.secret);
    case "operator.invited":
    case "operator.removed":
      return named("operator", leaf.operator);
    case "policy.activated":
      return named("policy", leaf.revision);
    case "config.activated":
      return named("config", leaf.digest);
    default:
      return "approval" in leaf && typeof leaf.approval === "string"
        ? named("approval", leaf.approval)
        : null;
  }
}
