// Calls that wait for people at a real gateway, and the people.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ApprovalSummary } from "../../src/http/admin/approvals.ts";
import { asOperator } from "./admin-bench.ts";
import type { TestGateway } from "./test-gateway.ts";

/** Asks the gateway as whoever has its own token. */
export function asOwner({ url, folder }: Pick<TestGateway, "url" | "folder">): ReturnType<typeof asOperator> {
  const { token } = JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8"));
  return asOperator(url, token);
}

export interface HeldCall {
  readonly approval: ApprovalSummary;
  /** What the client gets in the end. */
  readonly answer: Promise<string>;
}

let calls = 0;

/** A call whose `send_email` waits. */
export async function heldCall(
  gateway: TestGateway,
  key: string,
  application = "assistant",
): Promise<HeldCall> {
  calls += 1;
  const mark = `held call ${calls} of ${application}`;
  const parameters = {
    type: "object",
    properties: { to: { type: "string" }, subject: { type: "string" }, body: { type: "string" } },
    required: ["to", "subject", "body"],
  };
  const answer = fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "demo/assistant",
      messages: [{ role: "user", content: `Send an email to ana@example.com about the ${mark} saying "Hi"` }],
      tools: [{ type: "function", function: { name: "send_email", parameters } }],
    }),
  }).then((response) => response.text());
  const ask = asOwner(gateway);
  for (;;) {
    const { json, status } = await ask("GET", "/approvals?state=pending");
    assert.equal(status, 200);
    const waiting: readonly ApprovalSummary[] = json.approvals;
    const approval = waiting.find((one) => one.arguments?.includes(mark));
    if (approval !== undefined) return { approval, answer };
  }
}

/** Lets a person in; resolves with their token's way of asking. */
export function invited(gateway: TestGateway, name: string): ReturnType<typeof asOperator> {
  const { status, stdout, stderr } = gateway.cli("operators", "invite", name, "--json");
  assert.equal(status, 0, stderr);
  return asOperator(gateway.url, JSON.parse(stdout).token);
}
