// One body of every leaf type, for tests.

import { approvalSamples } from "./approval-samples.test-support.ts";
import type { LeafBody, LeafType } from "./leaf-schema.ts";

const digest = "0123456789abcdef".repeat(4);
const gateway = { kind: "gateway", id: "inst_1" } as const;
const operator = { kind: "operator", id: "op_1" } as const;
const application = { kind: "application", id: "billing" } as const;

export const leafSamples: { readonly [Type in LeafType]: LeafBody<Type> } = {
  "call.decided": {
    type: "call.decided",
    actor: application,
    call: "call_1",
    dispatch: 1,
    endpoint: "chat",
    application: "billing",
    groups: ["finance"],
    user: "sub_1",
    source_address: digest,
    requested_model: "fast",
    target: "demo/parrot",
    facts: { tools: ["send_email"], stream: true, message_count: 2, labels: [], é: "ü\u2028" },
    request: digest,
    decision: "permit",
    policies: { ids: ["starter.chat"], more: 0 },
    reasons: ['every "application" may chat'],
    sign_offs: [],
    revision: digest,
  },
  "action.decided": {
    type: "action.decided",
    actor: application,
    call: "call_1",
    dispatch: 1,
    application: "billing",
    groups: ["finance"],
    user: null,
    action: "act_1",
    source: "client",
    choice: 0,
    position: 0,
    tool: "send_email",
    effect: "write",
    effect_basis: "uncatalogued",
    unattended: false,
    tool_digest: null,
    facts: { time: 1764000000000, labels: ["pii.email"] },
    arguments: digest,
    decision: "hold",
    policies: { ids: [], more: 3 },
    reasons: [],
    sign_offs: ["default"],
    revision: digest,
    approval: null,
  },
  "call.completed": {
    type: "call.completed",
    actor: application,
    call: "call_1",
    endpoint: "chat",
    application: "billing",
    user: "sub_1",
    outcome: "ok",
    reason: null,
    status: 200,
    stream: true,
    dispatches: 1,
    target: "demo/parrot",
    served_model: "parrot-1",
    finish_reasons: ["stop"],
    usage: {
      input_tokens: 12,
      cached_input_tokens: 0,
      output_tokens: 34,
      reasoning_tokens: 0,
      source: "provider",
    },
    cost_micro_usd: 56,
    price_source: "config",
    total_ms: 78,
    first_byte_ms: 9,
    response: digest,
  },
  "key.created": {
    type: "key.created",
    actor: operator,
    key: "key_1",
    application: "billing",
    expires: null,
  },
  "key.rotated": {
    type: "key.rotated",
    actor: operator,
    key: "key_1",
    application: "billing",
    successor: "key_2",
    expires: "2026-11-24T00:00:00.000Z",
  },
  "key.revoked": { type: "key.revoked", actor: operator, key: "key_1", application: "billing" },
  "secret.set": { type: "secret.set", actor: operator, secret: "openai", version: 1 },
  "secret.destroyed": { type: "secret.destroyed", actor: operator, secret: "openai", version: 1 },
  "policy.activated": {
    type: "policy.activated",
    actor: gateway,
    revision: digest,
    previous: null,
    policies: 3,
    engine: "cedar 4.13.0",
  },
  "config.activated": { type: "config.activated", actor: gateway, digest },
  "log.created": {
    type: "log.created",
    actor: gateway,
    origin: "gate.example/log",
    vkey: "gate.example/log+0+A",
  },
  "log.opened": { type: "log.opened", actor: gateway, epoch: 1, version: "0.1.0" },
  "log.joined": { type: "log.joined", actor: gateway, epoch: 2, version: "0.1.0" },
  "log.closed": { type: "log.closed", actor: gateway, epoch: 1 },
  "log.recovered": { type: "log.recovered", actor: gateway, left: "inst_0", completed: 2 },
  "log.clock_reset": { type: "log.clock_reset", actor: gateway, previous: "2036-11-23T00:00:00.000Z" },
  "payload.expired": {
    type: "payload.expired",
    actor: gateway,
    entries: 2,
    bytes: 900,
    oldest: "2026-10-23T00:00:00.000Z",
    newest: "2026-10-23T01:00:00.000Z",
    applications: { names: ["billing"], more: 0 },
  },
  ...approvalSamples,
};

const shadow = {
  decision: "deny" as const,
  error: false,
  policies: { ids: ["tried.out"], more: 0 },
  sign_offs: ["finance"],
};

/** The same where policies in shadow mode speak on them. */
export const shadowSamples = {
  "call.decided": { ...leafSamples["call.decided"], shadow },
  "action.decided": { ...leafSamples["action.decided"], shadow },
};

/** Of a call that is to be answered from one choice of what waits. */
export const pickUpSample = { ...leafSamples["call.decided"], approval: "apr_1", hold: "hold_1", choice: 1 };

/** Of approvals that say for how long they can be used. */
export const usableSamples = {
  "approval.requested": { ...approvalSamples["approval.requested"], use_within_ms: 900_000 },
  "approval.edited": { ...approvalSamples["approval.edited"], use_within_ms: 900_000 },
};

/** The same of calls that an approval is needed for. */
export const heldSamples = {
  "call.decided": { ...leafSamples["call.decided"], approval: "apr_1" },
  "call.completed": { ...leafSamples["call.completed"], hold: "hold_1" },
};
