// What an entry of the trail says: the frozen shape of every leaf. Golden bytes in leaf.test.ts hold it still:
// a released shape never changes, a new one gets a new `type` or a new `v`.

import { z } from "zod";
import { approvalLeaves } from "./approval-leaves.ts";
import { commitment, common, count, effect, hex32, policies, reasons, rfc3339, text } from "./leaf-parts.ts";

const int = z.int();

const decision = z.enum(["permit", "hold", "deny"]);

/**
 * What would have been decided if the policies in shadow mode were enforced; left out when none of them speaks on it.
 * `error`: evaluating them failed, which would have been a deny.
 */
const shadow = z.strictObject({
  decision,
  error: z.boolean(),
  policies,
  sign_offs: z.array(text(64)),
});

const factValue = z.union([z.string(), z.boolean(), int, z.array(z.string())]);

const callDecided = z.strictObject({
  ...common,
  type: z.literal("call.decided"),
  call: text(64),
  /** 1 for the first target; a fallback to other facts is decided and recorded anew. */
  dispatch: z.int().min(1),
  endpoint: z.enum(["chat", "embeddings", "unknown"]),
  application: text(64),
  groups: z.array(text(64)),
  /** Pseudonym of the asserted user, or null when the request names none. */
  user: text(64).nullable(),
  source_address: commitment,
  requested_model: text(256),
  /** `provider/model` that the decision is about, or null when nothing could be resolved. */
  target: text(320).nullable(),
  /** The facts policy saw, save those that are personal (`user`, `source_address`), which are payload. Null when undescribable. */
  facts: z.record(z.string(), factValue).nullable(),
  request: commitment,
  decision,
  policies,
  reasons,
  sign_offs: z.array(text(64)),
  revision: hex32,
  shadow: shadow.exactOptional(),
  /** What a call that was held went under; left out when policy decides on it outright. */
  approval: text(64).exactOptional(),
  /** What an earlier call left waiting, that this one is to be answered from: nothing is dispatched under this decision. */
  hold: text(64).exactOptional(),
  /** Which choice of that alone; left out where it is the whole turn. */
  choice: count.exactOptional(),
});

const actionDecided = z.strictObject({
  ...common,
  type: z.literal("action.decided"),
  call: text(64),
  dispatch: z.int().min(1),
  application: text(64),
  groups: z.array(text(64)),
  user: text(64).nullable(),
  action: text(64),
  source: z.enum(["client"]),
  choice: count,
  position: count,
  tool: text(256),
  effect,
  /** Why the effect is what it is: `uncatalogued`, `catalog`, `unpinned`, `drift`. */
  effect_basis: z.enum(["uncatalogued", "catalog", "unpinned", "drift"]),
  unattended: z.boolean(),
  /** Digest of the definition the client offered, or null when the tool was not offered. */
  tool_digest: z.string().max(80).nullable(),
  facts: z.record(z.string(), factValue).nullable(),
  arguments: commitment,
  decision,
  policies,
  reasons,
  sign_offs: z.array(text(64)),
  revision: hex32,
  shadow: shadow.exactOptional(),
  /** Approval or grant it was released under; null when policy permits it outright. */
  approval: text(64).nullable(),
});

const usage = z.strictObject({
  input_tokens: count,
  cached_input_tokens: count,
  output_tokens: count,
  reasoning_tokens: count,
  source: z.enum(["provider", "estimate", "none"]),
});

/** A try at a target that did not become the answer. */
const failedTry = z.strictObject({
  /** The decision that it was made under. */
  dispatch: z.int().min(1),
  /** What went wrong, for example `unreachable`, `timeout`, `circuit_open` or `status`. */
  reason: text(64),
  /** Whether the request, or a part of it, may have left. */
  sent: z.boolean(),
  /** The upstream's HTTP status, with the reason `status`. */
  status: count.nullable(),
  target: text(320),
});

const callCompleted = z.strictObject({
  ...common,
  type: z.literal("call.completed"),
  call: text(64),
  endpoint: z.enum(["chat", "embeddings", "unknown"]),
  application: text(64),
  user: text(64).nullable(),
  outcome: z.enum([
    "ok",
    "refused",
    "withheld",
    /** The client was told that something waits; nothing of the answer was handed on. */
    "held",
    /** What was approved was handed on, and what was not approved was cut out. */
    "partial",
    "upstream_error",
    "upstream_unreachable",
    "upstream_timeout",
    "upstream_invalid",
    "client_closed",
    "internal_error",
    "unknown",
  ]),
  /** Refusal reason, for outcomes that have one. */
  reason: text(64).nullable(),
  /** HTTP status that the client got or would have got; 0 when unknown. */
  status: count,
  stream: z.boolean(),
  /**
   * Requests that were sent to a provider. With outcome `unknown` nobody can tell: as many may have been, retries
   * besides, and the last of them may have gone to `target`.
   */
  dispatches: count,
  /** The tries that were followed by another, or passed over; left out when there were none. */
  failed: z.array(failedTry).min(1).max(32).exactOptional(),
  /** `provider/model` that served it, or null when nothing was dispatched. */
  target: text(320).nullable(),
  /** Where the answer that it got had waited; left out when its own request was sent on. */
  hold: text(64).exactOptional(),
  /** Model that the provider says it was. */
  served_model: text(256).nullable(),
  finish_reasons: z.array(text(64)).max(128),
  usage,
  /** Millionths of a US dollar; null when no price is known. */
  cost_micro_usd: count.nullable(),
  /** Where the price comes from, for example `genai-prices 0.1.8` or `config`. */
  price_source: text(64).nullable(),
  /** Milliseconds since the call arrived. */
  total_ms: count,
  first_byte_ms: count.nullable(),
  response: commitment.nullable(),
});

const keyEvent = { ...common, key: text(64), application: text(64) };
const keyCreated = z.strictObject({
  ...keyEvent,
  type: z.literal("key.created"),
  expires: rfc3339.nullable(),
});
const keyRotated = z.strictObject({
  ...keyEvent,
  type: z.literal("key.rotated"),
  successor: text(64),
  expires: rfc3339,
});
const keyRevoked = z.strictObject({ ...keyEvent, type: z.literal("key.revoked") });

const secretEvent = { ...common, secret: text(200), version: z.int().min(1) };
const secretSet = z.strictObject({ ...secretEvent, type: z.literal("secret.set") });
const secretDestroyed = z.strictObject({ ...secretEvent, type: z.literal("secret.destroyed") });

const policyActivated = z.strictObject({
  ...common,
  type: z.literal("policy.activated"),
  revision: hex32,
  previous: hex32.nullable(),
  policies: count,
  engine: text(64),
});

const configActivated = z.strictObject({ ...common, type: z.literal("config.activated"), digest: hex32 });

const logCreated = z.strictObject({
  ...common,
  type: z.literal("log.created"),
  origin: text(200),
  vkey: text(400),
});

/** An instance took over writing: everything of earlier epochs is fenced from here on. */
const logOpened = z.strictObject({
  ...common,
  type: z.literal("log.opened"),
  epoch: z.int().min(1),
  version: text(32),
});
/** An instance joined those who write the same log. It fences nobody. */
const logJoined = z.strictObject({
  ...common,
  type: z.literal("log.joined"),
  epoch: z.int().min(1),
  version: text(32),
});
const logClosed = z.strictObject({ ...common, type: z.literal("log.closed"), epoch: z.int().min(1) });

/** An instance writes nothing more, and every call that it left open is completed by an earlier entry. */
const logRecovered = z.strictObject({
  ...common,
  type: z.literal("log.recovered"),
  left: text(64),
  completed: count,
});

/** An operator said that the clock had been ahead: the times of entries before this one may be later than this one's. */
const logClockReset = z.strictObject({
  ...common,
  type: z.literal("log.clock_reset"),
  /** The newest time until then. */
  previous: rfc3339,
});

/** Payload is about to be removed because it has been kept for as long as the config says. The entries stay. */
const payloadExpired = z.strictObject({
  ...common,
  type: z.literal("payload.expired"),
  /** Entries whose payload it was, and its bytes as kept. */
  entries: count,
  bytes: count,
  /** When the first and the last of them were recorded. */
  oldest: rfc3339,
  newest: rfc3339,
  /** At most 100 are named; `more` counts the rest. */
  applications: z.strictObject({ names: z.array(text(64)).max(100), more: count }),
});

export const leafSchema = z.discriminatedUnion("type", [
  callDecided,
  actionDecided,
  callCompleted,
  keyCreated,
  keyRotated,
  keyRevoked,
  secretSet,
  secretDestroyed,
  policyActivated,
  configActivated,
  logCreated,
  logOpened,
  logJoined,
  logClosed,
  logRecovered,
  logClockReset,
  payloadExpired,
  ...approvalLeaves,
]);

export type Leaf = z.infer<typeof leafSchema>;
export type LeafType = Leaf["type"];
export type LeafOf<Type extends LeafType> = Extract<Leaf, { type: Type }>;
/** What a caller states; the trail adds `v`, `id`, `time` and `instance`. */
export type LeafBody<Type extends LeafType = LeafType> = Type extends LeafType
  ? Omit<LeafOf<Type>, "v" | "id" | "time" | "instance">
  : never;
