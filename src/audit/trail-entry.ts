// Entries as the trail hands them out: with what they do to their call, so that appending need not read them again.

import type { EncodedEntry, EntrySalt } from "../core/entry.ts";
import { encodeLeaf, type LeafFailure, type LeafStamp } from "./leaf.ts";
import type { LeafBody } from "./leaf-schema.ts";
import type { CallMark } from "./open-calls.ts";

export class TrailEntry implements EncodedEntry {
  readonly id: string;
  readonly leaf: Uint8Array;
  readonly salt: EntrySalt | null;
  readonly mark: CallMark;

  /** Throws `LeafTooLargeError`. */
  constructor(body: LeafBody, stamp: LeafStamp, salt: EntrySalt | null) {
    const leaf = encodeLeaf(body, stamp);
    if (!leaf.ok) throw new LeafTooLargeError(leaf.failure);
    this.id = stamp.id;
    this.leaf = leaf.value;
    this.salt = salt;
    this.mark = markOf(body);
  }
}

/** The body does not fit into an entry. Nothing was recorded, so whatever it describes must not happen. */
export class LeafTooLargeError extends Error {
  override readonly name = "LeafTooLargeError";
  readonly failure: LeafFailure;

  constructor(failure: LeafFailure) {
    super(textOf(failure));
    this.failure = failure;
  }
}

function textOf(failure: LeafFailure): string {
  switch (failure.reason) {
    case "leaf_too_large":
      return `the entry has ${failure.bytes} bytes; at most ${failure.limitBytes} fit`;
    case "field_too_long":
      return `\`${failure.field}\` of the entry is longer than the ${failure.limit} that fit`;
  }
}

function markOf(body: LeafBody): CallMark {
  if (body.type === "call.decided") return { call: body.call, ends: false };
  if (body.type === "call.completed") return { call: body.call, ends: true };
  return null;
}
