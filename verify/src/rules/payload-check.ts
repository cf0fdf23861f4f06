// Whether the payload that is kept beside the trail is what its entry committed to.

import { hash } from "node:crypto";
import { commitment } from "../leaves/commitment.ts";
import type { Leaf } from "../leaves/leaf-schema.ts";

/**
 * `matches` and `differs`: kept, and is or is not what the entry committed to. `erased`: its key or salt is gone, and with
 * it what tied it to the entry. `not_kept`: by configuration, or lost. `damaged`: kept, and does not decrypt.
 */
export type PayloadStatus = "matches" | "differs" | "erased" | "not_kept" | "damaged";

export type KeptField =
  | {
      readonly field: string;
      readonly subject: string;
      readonly status: "readable";
      readonly value: Uint8Array;
    }
  /** The subject's key is gone. */
  | { readonly field: string; readonly subject: string; readonly status: "erased" }
  /** Changed, or moved from another place. */
  | { readonly field: string; readonly subject: string; readonly status: "damaged" };

export interface CheckedPayload {
  readonly field: string;
  readonly status: PayloadStatus;
  /** Null unless it matches or differs. */
  readonly value: Uint8Array | null;
}

/** Every field that the entry commits to, and every one that is kept for it, by name. */
export function checkPayloads(
  leaf: Leaf,
  salt: Uint8Array | null,
  kept: readonly KeptField[],
): readonly CheckedPayload[] {
  const committed = commitmentsOf(leaf);
  const fields = new Set([...committed.keys(), ...kept.map(({ field }) => field)]);
  return [...fields].sort().map((field) => {
    const found = kept.find((one) => one.field === field);
    if (found === undefined) return { field, status: salt === null ? "erased" : "not_kept", value: null };
    if (found.status !== "readable") return { field, status: found.status, value: null };
    if (salt === null) return { field, status: "erased", value: null };
    const expected = committed.get(field);
    const same = expected !== undefined && isCommittedTo(expected, salt, leaf.type, field, found.value);
    return { field, status: same ? "matches" : "differs", value: found.value };
  });
}

/** Whether the entry commits to any payload, and so has a salt until it is erased. */
export function commitsToPayload(leaf: Leaf): boolean {
  switch (leaf.type) {
    case "call.decided":
    case "action.decided":
    case "approval.requested":
    case "approval.edited":
      return true;
    case "call.completed":
      return leaf.response !== null;
    case "approval.voted":
    case "approval.closed":
      return leaf.reason !== null;
    default:
      return false;
  }
}

interface Committed {
  readonly commitment: string;
  /** What was committed to: the bytes themselves, or their SHA-256. */
  readonly to: "value" | "digest";
}

function commitmentsOf(leaf: Leaf): ReadonlyMap<string, Committed> {
  switch (leaf.type) {
    case "call.decided":
      return new Map([
        ["request", { commitment: leaf.request, to: "digest" }],
        ["source_address", { commitment: leaf.source_address, to: "value" }],
      ]);
    case "action.decided":
      return new Map([["arguments", { commitment: leaf.arguments, to: "digest" }]]);
    case "call.completed":
      return leaf.response === null
        ? new Map()
        : new Map([["response", { commitment: leaf.response, to: "digest" }]]);
    case "approval.requested":
    case "approval.edited":
      return new Map([["bytes", { commitment: leaf.bytes, to: "digest" }]]);
    case "approval.voted":
    case "approval.closed":
      return leaf.reason === null
        ? new Map()
        : new Map([["reason", { commitment: leaf.reason, to: "value" }]]);
    default:
      return new Map();
  }
}

function isCommittedTo(
  expected: Committed,
  salt: Uint8Array,
  domain: string,
  field: string,
  value: Uint8Array,
): boolean {
  const committed = expected.to === "value" ? value : hash("sha256", value, "buffer");
  return commitment(salt, domain, field, committed) === expected.commitment;
}
