// Entries as the trail hands them out: with what they do to their call, so that appending need not read them again.

import { encodeLeaf, type LeafFailure, type LeafStamp } from "portcullis-verify/leaves/leaf.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import type { EncodedEntry, EntrySalt } from "../core/entry.ts";
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

/** Throws `TypeError` on an entry that was made elsewhere. */
export function markOfEntry(entry: EncodedEntry): CallMark {
  if (entry instanceof TrailEntry) return entry.mark;
  throw new TypeError("only entries encoded by the trail can be appended");
}

/** What is on record first of an instance. */
export function openingBodies(opening: {
  readonly actor: LeafBody["actor"];
  /** Null where the log was created before. */
  readonly created: { readonly origin: string; readonly vkey: string } | null;
  /** Whether others write too. */
  readonly joins: boolean;
  readonly epoch: number;
  readonly version: string;
}): readonly LeafBody[] {
  const { actor, created, joins, epoch, version } = opening;
  const opened: LeafBody = { type: joins ? "log.joined" : "log.opened", actor, epoch, version };
  return created === null ? [opened] : [{ type: "log.created", actor, ...created }, opened];
}

function markOf(body: LeafBody): CallMark {
  if (body.type === "call.decided") return { call: body.call, ends: false };
  if (body.type === "call.completed") return { call: body.call, ends: true };
  return null;
}
