// What exactly is signed off. A decision carries this digest, and one over anything else is refused.

import { createHmac, hash } from "node:crypto";
import { canonicalJson } from "portcullis-verify/leaves/canonical-json.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { parseStrictJsonText } from "../core/strict-json.ts";

export interface SignedOff {
  readonly application: string;
  /** Pseudonym, or null. */
  readonly user: string | null;
  readonly call: string;
  readonly approval: string;
  readonly revision: number;
  readonly kind: "call" | "action";
  readonly source: "client";
  readonly tool: string | null;
  readonly target: string | null;
  readonly effect: "read" | "write" | null;
  readonly toolDigest: string | null;
  /** Salted commitment to the SHA-256 of the very bytes, hex: that of the entry which asks for the sign-off. */
  readonly bytes: string;
}

/** SHA-256, lowercase hex, over the canonical JSON (RFC 8785) of what is signed off. */
export function approvalDigest(signed: SignedOff): string {
  const { toolDigest, ...others } = signed;
  return hash(
    "sha256",
    canonicalJson({
      ...others,
      v: 1,
      tool_digest: toolDigest,
      // Of connectors, which have neither yet.
      connector_configuration: null,
      lease_scope: null,
    }),
    "hex",
  );
}

/**
 * Recognises the same thing when it is asked for again, in whatever order its arguments are written. Kept in the store only,
 * under a key: it would tell whoever guesses right what the arguments are.
 */
export function fingerprint(
  key: SecretValue,
  asked: Pick<SignedOff, "application" | "user" | "tool" | "target" | "toolDigest">,
  bytes: string,
): string {
  const { application, user, tool, target, toolDigest } = asked;
  const text = JSON.stringify(["portcullis/fingerprint/v1", application, user, tool, target, toolDigest]);
  return key.useBytes((raw) =>
    createHmac("sha256", raw).update(text).update("\0").update(sameMeaning(bytes)).digest("hex"),
  );
}

/** Deeper than anything that is described as JSON. */
const maxDepth = 512;

/** Only what everybody reads in one way has a meaning besides its very bytes: see core/strict-json.ts. */
function sameMeaning(bytes: string): string {
  const read = parseStrictJsonText(bytes, maxDepth, "exact");
  return read.ok ? JSON.stringify(sorted(read.value)) : bytes;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, sorted(member)]));
}
