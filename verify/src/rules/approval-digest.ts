// The digest that approvers decide on, made once more from what the entries say. Written apart from the gateway's own
// (approvals/digest.ts), so that a fault in that one shows.

import { hash } from "node:crypto";
import { canonicalJson } from "../leaves/canonical-json.ts";
import type { LeafOf } from "../leaves/leaf-schema.ts";

/** What is signed off, as it was asked for. */
export type SignedOff = Pick<
  LeafOf<"approval.requested">,
  "application" | "user" | "call" | "approval" | "kind" | "tool" | "target" | "effect" | "tool_digest"
>;

/** Longer names of tools are cut in the entry, and the digest is over the whole name. */
const cutFrom = 255;

/**
 * SHA-256, lowercase hex, over the canonical JSON (RFC 8785) of what is signed off; null where the entry does not show all
 * of it. `bytes`: the commitment of the entry that this revision comes from.
 */
export function signedOffDigest(
  asked: SignedOff,
  { revision, bytes }: { readonly revision: number; readonly bytes: string },
): string | null {
  const { application, user, call, approval, kind, tool, target, effect, tool_digest } = asked;
  if (tool !== null && tool.length >= cutFrom) return null;
  const signedOff = {
    ...{ application, approval, bytes, call, effect, kind, revision, target, tool, tool_digest, user },
    connector_configuration: null,
    lease_scope: null,
    source: "client",
    v: 1,
  };
  return hash("sha256", canonicalJson(signedOff), "hex");
}
