// One body of every leaf type that is about approvals, for tests.

import type { LeafBody, LeafType } from "./leaf-schema.ts";

type ApprovalLeafType = Extract<LeafType, `approval.${string}` | `operator.${string}`>;

const digest = "0123456789abcdef".repeat(4);
const edited = "fedcba9876543210".repeat(4);
const gateway = { kind: "gateway", id: "portcullis" } as const;
const operator = { kind: "operator", id: "op_1" } as const;
const application = { kind: "application", id: "billing" } as const;

const required = [{ name: "finance", quorum: 2 }];

export const approvalSamples: { readonly [Type in ApprovalLeafType]: LeafBody<Type> } = {
  "approval.requested": {
    type: "approval.requested",
    actor: application,
    call: "call_1",
    hold: "hold_1",
    approval: "apr_1",
    revision: 1,
    kind: "action",
    action: "act_1",
    application: "billing",
    groups: ["finance"],
    user: "sub_1",
    tool: "send_email",
    target: null,
    effect: "write",
    tool_digest: null,
    digest,
    bytes: digest,
    required,
    policies: { ids: ["starter.writes"], more: 0 },
    reasons: ["finance signs off mail"],
    policy_revision: digest,
    expires: "2026-11-24T00:00:00.000Z",
  },
  "approval.viewed": {
    type: "approval.viewed",
    actor: operator,
    approval: "apr_1",
    revision: 1,
    digest,
    shown: edited,
  },
  "approval.voted": {
    type: "approval.voted",
    actor: operator,
    approval: "apr_1",
    revision: 1,
    digest,
    decision: "approve",
    sign_offs: ["finance"],
    method: "session",
    reason: digest,
    state: "pending",
    policies: { ids: ["starter.approvers"], more: 0 },
    policy_revision: digest,
    signature: null,
  },
  "approval.vote_refused": {
    type: "approval.vote_refused",
    actor: operator,
    approval: "apr_1",
    revision: 1,
    decision: "approve",
    refused: "not_an_approver",
    policies: { ids: [], more: 0 },
    policy_revision: null,
  },
  "approval.edited": {
    type: "approval.edited",
    actor: operator,
    approval: "apr_1",
    revision: 2,
    previous: { revision: 1, digest },
    digest: edited,
    bytes: digest,
    required,
    policies: { ids: ["starter.writes"], more: 0 },
    reasons: [],
    policy_revision: digest,
    expires: "2026-11-24T01:00:00.000Z",
  },
  "approval.closed": {
    type: "approval.closed",
    actor: gateway,
    approval: "apr_1",
    revision: 2,
    digest: edited,
    state: "expired",
    reason: null,
  },
  "approval.released": {
    type: "approval.released",
    actor: gateway,
    approval: "apr_1",
    revision: 2,
    digest: edited,
    hold: "hold_1",
    call: "call_2",
    released_to: "call_2",
    action: "act_1",
    delivery: 1,
    given: [{ name: "finance", quorum: 2, votes: 2 }],
    policy_revision: digest,
  },
  "operator.invited": {
    type: "operator.invited",
    actor: operator,
    operator: "op_2",
    expires: "2026-11-30T00:00:00.000Z",
  },
  "operator.removed": { type: "operator.removed", actor: operator, operator: "op_2" },
};
