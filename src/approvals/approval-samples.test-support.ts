// Holds and approvals for tests of what does not need a whole gateway.

import type { Approval, Hold, Vote } from "./approval.ts";

export function sampleVote(changes: Partial<Vote> = {}): Vote {
  return {
    voter: "sub_ben",
    decision: "approve",
    sign_offs: ["default"],
    method: "token",
    at: 5,
    ...changes,
  };
}

export function sampleApproval(changes: Partial<Approval> = {}): Approval {
  return {
    id: "apr_1",
    revision: 1,
    hold: "hold_1",
    application: "assistant",
    user: "sub_user",
    conversation: "c0",
    fingerprint: "f0",
    createdAt: 1_000,
    state: "pending",
    sealed: new Uint8Array([1, 2, 3]),
    v: 1,
    kind: "action",
    call: "call_1",
    action: "act_1",
    choice: 0,
    position: 0,
    tool: "send_email",
    target: null,
    effect: "write",
    tool_digest: "sha256:00",
    groups: ["staff"],
    labels: ["email"],
    digest: "d0",
    required: [{ name: "default", quorum: 1 }],
    policies: [{ id: "floor", reason: "it changes something" }],
    policy_revision: "p0",
    expires_at: 2_000,
    use_within_ms: 500,
    decided_at: null,
    votes: [],
    editors: [],
    key_creator: "sub_ana",
    ...changes,
  };
}

export function sampleHold(changes: Partial<Hold> = {}): Hold {
  return {
    id: "hold_1",
    version: 1,
    call: "call_1",
    application: "assistant",
    attachKey: "a0",
    createdAt: 1_000,
    v: 1,
    subject: "sub_user",
    conversation: "c0",
    request: "r0",
    user: "sub_user",
    endpoint: "chat",
    usable_until: null,
    deliveries: 0,
    attended: "inst_1",
    delivered: false,
    approvals: [sampleApproval()],
    sealed: new Uint8Array([4, 5, 6]),
    ...changes,
  };
}
