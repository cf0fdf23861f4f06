// Typed arguments on their way through the gate: decided on, kept from the client where they do not fit, and never on record.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListedApproval } from "../approvals/approval.ts";
import { described } from "../facts/request.test-support.ts";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import { actionOf } from "./held/recheck.ts";
import { openPolicies } from "./policies.test-support.ts";
import { ask, askStream, catalog, toolCall } from "./requests.test-support.ts";
import { decideAction } from "./steps/decide-actions.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

const parameters = { type: "object", properties: { to: { type: "string" } } };
const typed = {
  ...catalog,
  notify: { ...catalog["notify"], effect: "write" as const, parameters },
};
const policies = `${openPolicies}
@id("not-eve") @reason("eve is not notified")
forbid (principal, action == Portcullis::Action::"notify", resource)
when { context.arguments has to && context.arguments.to == "eve" };
`;

/** Nothing here waits for anybody. */
const attended = `${policies}
@id("unattended-only") forbid (principal, action == Portcullis::Action::"notify", resource)
unless { context.unattended };
`;

async function notified(args: string, offered: object = {}) {
  await using gateway = await openTestGateway({ policies: attended, catalog: typed, payloads: "request" });
  gateway.upstream().script = () =>
    whole(200, completion({ tool_calls: [toolCall("notify", args)] }, "tool_calls"));
  const channel = await gateway.call(ask(offered));
  const action = (await gateway.entries(channel)).find((entry) => entry.type === "action.decided");
  assert.ok(action?.type === "action.decided");
  return { channel, action };
}

test("a rule about an argument decides, and the argument itself is only committed to", async () => {
  const ana = await notified('{"to":"ana-s3cret"}');
  assert.deepEqual(
    [ana.channel.status, ana.action.decision, ana.action.policies.ids],
    [200, "permit", ["tools"]],
  );
  assert.match(ana.channel.text, /ana-s3cret/);
  assert.doesNotMatch(JSON.stringify(ana.action), /s3cret/);
  const eve = await notified('{"to":"eve"}');
  assert.deepEqual([eve.channel.status, eve.action.policies.ids], [403, ["not-eve"]]);
  assert.match(eve.channel.everything, /eve is not notified \(not-eve\)|eve is not notified/);
});

test("arguments that the catalog does not describe are a deny that names the member, whole and streamed", async () => {
  for (const args of ['{"to":["s3cret"]}', '{"to":"a","cc":"s3cret"}', '{"to":null}', '{"to":"a"']) {
    const { channel, action } = await notified(args);
    assert.deepEqual([channel.status, action.decision, action.facts], [403, "deny", null], args);
    assert.doesNotMatch(channel.everything + JSON.stringify(action), /s3cret/);
    assert.match(action.reasons[0] ?? "", /^the arguments of `notify` cannot be described: /);
  }
  await using gateway = await openTestGateway({ policies, catalog: typed, payloads: "request" });
  gateway.upstream().script = streamOf([
    delta({
      tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "notify", arguments: '{"to"' } }],
    }),
    delta({ tool_calls: [{ index: 0, function: { arguments: ":7}" } }] }),
    delta({}, "tool_calls"),
    done,
  ]).script;
  const channel = await gateway.call(askStream());
  assert.match(channel.everything, /`to` is not text/);
  assert.doesNotMatch(channel.everything, /tool_calls":\[/);
});

test("a client that offers other parameters than the catalog's has voided the entry, and its own rules still hold", async () => {
  const offering = (schema: object | undefined) => ({
    tools: [
      {
        type: "function",
        function: { name: "notify", ...(schema === undefined ? {} : { parameters: schema }) },
      },
    ],
  });
  for (const schema of [undefined, {}, { ...parameters, required: ["to"] }]) {
    const { channel, action } = await notified('{"to":"ana"}', offering(schema));
    assert.deepEqual(
      [channel.status, action.policies.ids, action.effect_basis, action.unattended],
      [403, ["unattended-only"], "drift", false],
    );
    const eve = await notified('{"to":"eve"}', offering(schema));
    assert.deepEqual(eve.action.policies.ids, ["not-eve", "unattended-only"]);
  }
  const { action } = await notified('{"to":"ana"}', offering(parameters));
  assert.deepEqual([action.decision, action.effect_basis], ["permit", "catalog"]);
});

test("an edit is described and decided like what the model wrote: it has to fit, and may ask for more", async () => {
  const rules = `${openPolicies}
@id("never-eve") forbid (principal, action == Portcullis::Action::"send_email", resource)
when { context.arguments has to && context.arguments.to == "eve" };
@id("boss-needs-finance") @approval("finance")
forbid (principal, action == Portcullis::Action::"send_email", resource)
when { context.arguments has to && context.arguments.to == "boss" }
unless { context.approvals.contains("finance") };
`;
  await using gateway = await openTestGateway({
    policies: rules,
    catalog: { ...catalog, send_email: { effect: "write", parameters } },
    payloads: "request",
    waiting: { waitMs: 60_000, commitMs: 60_000, beatMs: 60_000 },
  });
  gateway.upstream().script = () =>
    whole(200, completion({ tool_calls: [toolCall("send_email", '{"to":"ana"}')] }, "tool_calls"));
  const channel = gateway.channel();
  const answered = gateway.call(ask(), { channel });
  const approval = await pendingOne(gateway);
  const ben = { name: "ben@example.com", method: "token", sourceAddress: "10.0.0.9" } as const;
  const edit = (bytes: string) =>
    gateway.desk.edit(approval.id, ben, { digest: approval.digest, bytes, reason: null });
  for (const [bytes, reason, detail] of [
    ['{"to":7}', "undescribable", /`to` is not text/],
    ['{"to":"a","cc":"s3cret"}', "undescribable", /`cc` is not among the catalog's `parameters`/],
    ['{"to":"eve"}', "policy_denied", /never-eve/],
  ] as const) {
    const refused = await edit(bytes);
    assert.equal(refused.ok ? "edited" : refused.failure.reason, reason);
    assert.match(JSON.stringify(refused), detail);
    assert.doesNotMatch(JSON.stringify(refused), /s3cret/);
  }
  const edited = await edit('{"to":"boss"}');
  assert.ok(edited.ok, JSON.stringify(edited));
  assert.deepEqual(edited.value.required.map(({ name }) => name).toSorted(), ["default", "finance"]);
  const ballot = { decision: "reject", digest: edited.value.digest, reason: "no" } as const;
  const cleo = { ...ben, name: "cleo@example.com" };
  assert.ok((await gateway.desk.vote(edited.value.id, cleo, ballot)).ok);
  await answered;
  assert.doesNotMatch(channel.everything, /"to":"boss"|\\"boss\\"/);
});

test("what is recorded of a tool call that is decided again is what it was decided by then", async () => {
  await using gateway = await openTestGateway({ catalog: typed });
  const later = Date.parse("2026-11-29T20:00:00.000Z");
  const facts = { labels: ["pii.email"], source_address: "10.1.2.3", time: later };
  const request = described({ ...ask() });
  const action = actionOf(
    { tool: "notify", choice: 0, position: 0 },
    '{"to":"4111 1111 1111 1111"}',
    "function",
  );
  const application = { name: "assistant" };
  const decided = decideAction(gateway.parts, { application, facts, request }, action);
  assert.deepEqual(decided.facts, { labels: ["pii.credit_card", "pii.email"], time: later });
});

async function pendingOne(gateway: TestGateway): Promise<ListedApproval> {
  for (;;) {
    const [found] = await gateway.desk.list({ states: ["pending"], limit: 10 });
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
