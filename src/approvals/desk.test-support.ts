// A gateway at whose desk people vote, on real storage: what waits there was held by the pipeline, and is fetched by a retry.

import assert from "node:assert/strict";
import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";
import { type Config, configSchema } from "../config/schema.ts";
import type { RecordingChannel } from "../gateway/client.test-support.ts";
import {
  openTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from "../gateway/gateway.test-support.ts";
import { policies } from "../gateway/paths.test-support.ts";
import { ask, catalog, toolCall } from "../gateway/requests.test-support.ts";
import { completion, whole } from "../gateway/upstream.test-support.ts";
import type { ListedApproval } from "./approval.ts";
import type { Ballot } from "./voting.ts";

export const mail = '{"to":"ana@example.com"}';
export const answer = completion({ content: null, tool_calls: [toolCall("send_email", mail)] }, "tool_calls");
export const fourEyes = `@id("four-eyes") @reason("ask somebody else")
  forbid (principal, action == Portcullis::Action::"approve", resource)
  when { context.requesters.contains(principal) || context.editors.contains(principal) };\n`;
export const finance = `@id("money") @reason("money is theirs") @approval("finance")
  forbid (principal, action in Portcullis::Action::"call_tool", resource == Portcullis::Tool::"send_email")
  unless { context.approvals.contains("finance") };\n`;

export const people = ["ben", "cleo", "dora", "emil"].map((name) => `${name}@example.com`);

export function config(terms: object = {}, more: object = {}): Config {
  return configSchema.parse({
    groups: { operators: people },
    sign_offs: {
      finance: { approvers: ["ana@example.com", "ben@example.com"] },
      default: { approvers: ["group:operators"], ...terms },
    },
    approvals: { max_pending: { application: 100_000, user: 100_000 } },
    applications: [{ name: "assistant", groups: ["staff"], owner: "ana" }],
    ...more,
  });
}

export async function open(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const gateway = await openTestGateway({ policies, catalog, config: config(), ...options });
  gateway.upstream().script = () => whole(200, answer);
  return gateway;
}

export const request = (more: object = {}): object => ask({ user: "pat", ...more });

/** A request whose tool call waits once its client was told so. */
export async function filed(gateway: TestGateway, more: object = {}): Promise<ListedApproval> {
  const known = await gateway.desk.list({ states: ["pending"], limit: 1000 });
  await gateway.call(request(more));
  const found = await gateway.desk.list({ states: ["pending"], limit: 1000 });
  const [one, ...others] = found.filter(({ id }) => !known.some((before) => before.id === id));
  assert.ok(one !== undefined && others.length === 0);
  return one;
}

export const voter = (name: string) =>
  ({ name: `${name}@example.com`, method: "token", sourceAddress: "10.0.0.9" }) as const;

/** `approved`, `pending`, … or why it was refused. */
export async function vote(
  gateway: TestGateway,
  approval: ListedApproval,
  name = "ben",
  ballot: Partial<Ballot> = {},
): Promise<string> {
  const cast = { decision: "approve", digest: approval.digest, reason: null, ...ballot } as const;
  const voted = await gateway.desk.vote(approval.id, voter(name), cast);
  return voted.ok ? voted.value.state : voted.failure.reason;
}

export async function stateOf(gateway: TestGateway, { id }: ListedApproval): Promise<string> {
  const hold = await gateway.desk.holdOfApproval(id);
  return hold?.approvals.findLast((one) => one.id === id)?.state ?? "gone";
}

/** What the client's retry gets. */
export async function retried(gateway: TestGateway, more: object = {}): Promise<RecordingChannel> {
  return gateway.call(request(more));
}

export function isReleased(channel: RecordingChannel): boolean {
  return channel.text.includes("tool_calls");
}

export async function leavesOf<Type extends Leaf["type"]>(
  gateway: TestGateway,
  type: Type,
): Promise<readonly Extract<Leaf, { type: Type }>[]> {
  const isOne = (leaf: Leaf): leaf is Extract<Leaf, { type: Type }> => leaf.type === type;
  return (await gateway.all()).filter(isOne);
}

export async function refusals(gateway: TestGateway): Promise<readonly string[]> {
  const leaves = await leavesOf(gateway, "approval.vote_refused");
  return leaves.map(({ decision, refused, revision }) => `${decision} ${refused} ${revision}`);
}

export async function edit(gateway: TestGateway, approval: ListedApproval, bytes: string, name = "ben") {
  return gateway.desk.edit(approval.id, voter(name), { digest: approval.digest, bytes, reason: "safer" });
}
