// What tests of waiting calls share: clients that can wait for long, a tool call that waits, and who decides.

import assert from "node:assert/strict";
import type { ListedApproval } from "../approvals/approval.ts";
import type { Ballot } from "../approvals/voting.ts";
import { openTestGateway, type TestGateway, type TestGatewayOptions } from "./gateway.test-support.ts";
import { policies } from "./paths.test-support.ts";
import { catalog, toolCall } from "./requests.test-support.ts";
import { completion, delta, done, event } from "./upstream.test-support.ts";

export const patient = { waitMs: 60_000, commitMs: 60_000, beatMs: 60_000 };

export function open(options: TestGatewayOptions = {}): Promise<TestGateway> {
  return openTestGateway({ policies, catalog, waiting: patient, ...options });
}

/** Those that wait, once there are as many. */
export async function pending(gateway: TestGateway, count = 1): Promise<readonly ListedApproval[]> {
  for (;;) {
    const found = await gateway.desk.list({ states: ["pending"], limit: 1000 });
    if (found.length >= count) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves once so many clients wait. */
export async function waiting(gateway: TestGateway, count: number): Promise<void> {
  while (gateway.desk.waiting !== count) await new Promise((resolve) => setImmediate(resolve));
}

export const ben = { name: "ben@example.com", method: "token", sourceAddress: "10.0.0.9" } as const;

export async function vote(
  gateway: TestGateway,
  approval: ListedApproval,
  decision: Ballot["decision"] = "approve",
  reason: string | null = null,
): Promise<void> {
  const voted = await gateway.desk.vote(approval.id, ben, { decision, digest: approval.digest, reason });
  assert.ok(voted.ok, voted.ok ? "" : JSON.stringify(voted.failure));
}

export const mail = '{"to":"ana@example.com", "n": 1.50}';
export const mailAnswer = completion(
  { content: "I will.", tool_calls: [toolCall("send_email", mail)] },
  "tool_calls",
);
export const mailStream = [
  delta({ role: "assistant", content: "I will." }),
  delta({
    tool_calls: [
      { index: 0, id: "call_1", type: "function", function: { name: "send_email", arguments: "" } },
    ],
  }),
  delta({ tool_calls: [{ index: 0, function: { arguments: mail } }] }),
  delta({}, "tool_calls"),
  event({ id: "x", choices: [], usage: { prompt_tokens: 7, completion_tokens: 5 } }),
  done,
];

/** With these a call that has a picture, or an embedding, waits. */
export const holdsCalls = `${policies}
@id("big") @reason("ask first") @approval("default")
forbid (principal, action == Portcullis::Action::"chat", resource)
when { context.has_images } unless { context.approvals.contains("default") };
@id("vectors") @reason("ask first") @approval("default")
forbid (principal, action == Portcullis::Action::"embed", resource)
unless { context.approvals.contains("default") };`;

export const picture = {
  messages: [
    { role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] },
  ],
};
