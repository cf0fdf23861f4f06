// Turns what a caller states into the bytes of a leaf: canonical JSON (RFC 8785), stored and hashed as they are. The
// entries of every call are laid out by hand, because they are encoded while a client waits.

import { fail, ok, type Result } from "../result.ts";
import { type CanonicalValue, canonicalJson } from "./canonical-json.ts";
import { type FieldTooLong, overlongField } from "./leaf-limits.ts";
import { type Leaf, type LeafBody, type LeafOf, leafSchema } from "./leaf-schema.ts";

/** What fits into an entry bundle of c2sp.org/tlog-tiles: its length field has two bytes. */
export const maxLeafBytes = 65_535;

/** What the trail adds to a body. */
export interface LeafStamp {
  /** UUIDv7. */
  readonly id: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  readonly instance: string;
}

export interface LeafTooLarge {
  readonly reason: "leaf_too_large";
  readonly bytes: number;
  readonly limitBytes: number;
}

/** Why a body does not make an entry. */
export type LeafFailure = LeafTooLarge | FieldTooLong;

/**
 * The leaf's bytes. Text that comes from outside and only describes (a model's or tool's name, a reason, a finish reason) is cut to
 * what the schema holds; a name that is longer fails. Throws `TypeError` on what is not canonical JSON (a float, a lone
 * surrogate, `undefined`) and on what no reader would take otherwise: each would be a bug in the caller.
 */
export function encodeLeaf(stated: LeafBody, stamp: LeafStamp): Result<Buffer, LeafFailure> {
  const body = shortened(stated);
  const overlong = firstOverlong(body, stamp);
  if (overlong !== null) return fail(overlong);
  const leaf = Buffer.from(leafText(body, stamp), "utf8");
  if (leaf.length > maxLeafBytes) {
    return fail({ reason: "leaf_too_large", bytes: leaf.length, limitBytes: maxLeafBytes });
  }
  return ok(leaf);
}

/** Entries of calls are cut where they are laid out. */
function shortened(body: LeafBody): LeafBody {
  switch (body.type) {
    case "approval.requested":
      return { ...body, reasons: shortReasons(body), tool: body.tool === null ? null : cut(body.tool, 256) };
    case "approval.edited":
      return { ...body, reasons: shortReasons(body) };
    default:
      return body;
  }
}

function shortReasons({ reasons }: { readonly reasons: string[] }): string[] {
  return cutEach(reasons.slice(0, 16), 500);
}

function firstOverlong(body: LeafBody, stamp: LeafStamp): FieldTooLong | null {
  return isCallBody(body) ? overlongField(body) : overlongRare({ ...body, ...stamp, v: 1 });
}

function isCallBody(body: LeafBody): body is LeafBody<"call.decided" | "action.decided" | "call.completed"> {
  const { type } = body;
  return type === "call.decided" || type === "call.completed" || type === "action.decided";
}

/** All other entries are few enough for the schema itself. */
function overlongRare(leaf: Leaf): FieldTooLong | null {
  const issue = leafSchema.safeParse(leaf).error?.issues[0];
  if (issue === undefined) return null;
  const field = issue.path.join(".");
  if (issue.code !== "too_big") throw new TypeError(`a ${leaf.type} does not fit its schema at ${field}`);
  return { reason: "field_too_long", field, limit: Number(issue.maximum) };
}

function leafText(body: LeafBody, stamp: LeafStamp): string {
  switch (body.type) {
    case "call.decided":
      return fixedShapeJson(callDecided(body, stamp));
    case "action.decided":
      return fixedShapeJson(actionDecided(body, stamp));
    case "call.completed":
      return fixedShapeJson(callCompleted(body, stamp));
    default:
      return canonicalJson({ ...body, ...stamp, v: 1 });
  }
}

// Members stand in the order of RFC 8785 §3.2.3, all the way down, so that JSON.stringify writes the canonical form.

function callDecided(body: LeafBody<"call.decided">, stamp: LeafStamp): LeafOf<"call.decided"> {
  return {
    actor: { id: body.actor.id, kind: body.actor.kind },
    application: body.application,
    ...(body.approval === undefined ? {} : { approval: body.approval }),
    call: body.call,
    ...(body.choice === undefined ? {} : { choice: count(body.choice) }),
    decision: body.decision,
    dispatch: ordinal(body.dispatch),
    endpoint: body.endpoint,
    facts: sortedFacts(body.facts),
    groups: body.groups,
    ...(body.hold === undefined ? {} : { hold: body.hold }),
    id: stamp.id,
    instance: stamp.instance,
    policies: { ids: body.policies.ids, more: count(body.policies.more) },
    reasons: shortReasons(body),
    request: body.request,
    requested_model: cut(body.requested_model, 256),
    revision: body.revision,
    ...(body.shadow === undefined ? {} : { shadow: shadowOf(body.shadow) }),
    sign_offs: body.sign_offs,
    source_address: body.source_address,
    target: body.target,
    time: stamp.time,
    type: body.type,
    user: body.user,
    v: 1,
  };
}

function actionDecided(body: LeafBody<"action.decided">, stamp: LeafStamp): LeafOf<"action.decided"> {
  return {
    action: body.action,
    actor: { id: body.actor.id, kind: body.actor.kind },
    application: body.application,
    approval: body.approval,
    arguments: body.arguments,
    call: body.call,
    choice: count(body.choice),
    decision: body.decision,
    dispatch: ordinal(body.dispatch),
    effect: body.effect,
    effect_basis: body.effect_basis,
    facts: sortedFacts(body.facts),
    groups: body.groups,
    id: stamp.id,
    instance: stamp.instance,
    policies: { ids: body.policies.ids, more: count(body.policies.more) },
    position: count(body.position),
    reasons: shortReasons(body),
    revision: body.revision,
    ...(body.shadow === undefined ? {} : { shadow: shadowOf(body.shadow) }),
    sign_offs: body.sign_offs,
    source: body.source,
    time: stamp.time,
    tool: cut(body.tool, 256),
    tool_digest: body.tool_digest,
    type: body.type,
    unattended: body.unattended,
    user: body.user,
    v: 1,
  };
}

function callCompleted(body: LeafBody<"call.completed">, stamp: LeafStamp): LeafOf<"call.completed"> {
  const { usage, failed } = body;
  const leaf = {
    actor: { id: body.actor.id, kind: body.actor.kind },
    application: body.application,
    call: body.call,
    cost_micro_usd: body.cost_micro_usd === null ? null : count(body.cost_micro_usd),
    dispatches: count(body.dispatches),
    endpoint: body.endpoint,
    finish_reasons: cutEach(body.finish_reasons.slice(0, 128), 64),
    first_byte_ms: body.first_byte_ms === null ? null : count(body.first_byte_ms),
    ...(body.hold === undefined ? {} : { hold: body.hold }),
    id: stamp.id,
    instance: stamp.instance,
    outcome: body.outcome,
    price_source: body.price_source,
    reason: body.reason,
    response: body.response,
    served_model: body.served_model === null ? null : cut(body.served_model, 256),
    status: count(body.status),
    stream: body.stream,
    target: body.target,
    time: stamp.time,
    total_ms: count(body.total_ms),
    type: body.type,
    usage: {
      cached_input_tokens: atMost(usage.cached_input_tokens, usage.input_tokens),
      input_tokens: count(usage.input_tokens),
      output_tokens: count(usage.output_tokens),
      reasoning_tokens: atMost(usage.reasoning_tokens, usage.output_tokens),
      source: usage.source,
    },
    user: body.user,
    v: 1,
  } as const;
  return failed === undefined ? leaf : { ...leaf, failed: failed.slice(0, 32).map(failedTry) };
}

function failedTry({ dispatch, reason, sent, status, target }: FailedTry): FailedTry {
  return {
    dispatch: ordinal(dispatch),
    reason: cut(reason, 64),
    sent,
    status: status === null ? null : count(status),
    target,
  };
}

type Shadow = NonNullable<LeafBody<"call.decided">["shadow"]>;

function shadowOf({ decision, error, policies, sign_offs }: Shadow): Shadow {
  return { decision, error, policies: { ids: policies.ids, more: count(policies.more) }, sign_offs };
}

/** JSON.stringify's text where that is canonical, else what canonicalJson says of it. */
function fixedShapeJson(leaf: LeafOf<"call.decided" | "action.decided" | "call.completed">): string {
  const text = JSON.stringify(leaf);
  // JSON.stringify escapes a lone surrogate instead of failing; anything that looks like one is encoded the strict way.
  if (text.includes("\\ud") || "failed" in leaf) return canonicalJson(leaf);
  return "facts" in leaf && hasArrayIndexKey(leaf.facts) ? canonicalJson(leaf) : text;
}

type FailedTry = NonNullable<LeafBody<"call.completed">["failed"]>[number];
type Facts = LeafBody<"call.decided">["facts"];

function sortedFacts(facts: Facts): Facts {
  if (facts === null) return null;
  const sorted: NonNullable<Facts> = {};
  for (const key of Object.keys(facts).sort()) {
    const value = facts[key];
    if (value === undefined) throw new TypeError(`fact ${key} is undefined`);
    sorted[key] = typeof value === "number" ? integer(value) : value;
  }
  return sorted;
}

// JavaScript puts such members first, whatever the order in which they were added.
function hasArrayIndexKey(facts: Facts): boolean {
  if (facts === null) return false;
  for (const key in facts) {
    const unit = key.charCodeAt(0);
    return unit >= 0x30 && unit <= 0x39;
  }
  return false;
}

function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError(`not a safe integer: ${value}`);
  return value;
}

function count(value: number): number {
  if (value < 0) throw new TypeError(`not a count: ${value}`);
  return integer(value);
}

function ordinal(value: number): number {
  if (value < 1) throw new TypeError(`not an ordinal: ${value}`);
  return integer(value);
}

/** Readers refuse a part that is larger than its whole (parse-leaf.ts), and a call's end must be on record. */
function atMost(part: number, whole: number): number {
  return Math.min(count(part), whole);
}

function cutEach(texts: string[], max: number): string[] {
  return texts.some((text) => text.length > max) ? texts.map((text) => cut(text, max)) : texts;
}

/** At most `max` UTF-16 code units, and never half a surrogate pair. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? max - 1 : max);
}

/** For `JSON.parse`d leaves: whether these very bytes are the canonical form of the value. */
export function isCanonical(bytes: Uint8Array, value: CanonicalValue): boolean {
  return Buffer.compare(bytes, Buffer.from(canonicalJson(value), "utf8")) === 0;
}
