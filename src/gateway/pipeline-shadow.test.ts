// Policies in shadow mode on their way through the gate: on record, and nowhere else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestGateway } from "./gateway.test-support.ts";
import { openPolicies } from "./policies.test-support.ts";
import { ask, askStream, catalog, toolCall } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

const tried = `
@id("tried-on-calls") @mode("shadow") @reason("seen by nobody")
forbid (principal, action == Portcullis::Action::"chat", resource);
@id("tried-on-tools") @mode("shadow") @reason("seen by nobody") @approval("finance")
forbid (principal, action == Portcullis::Action::"get_weather", resource)
unless { context.approvals.contains("finance") };
`;

const answers = {
  whole: () => whole(200, completion({ tool_calls: [toolCall("get_weather")] }, "tool_calls")),
  stream: streamOf([delta({ content: "a" }), delta({}, "stop"), done]).script,
};

test("what a shadow would have decided is on record, and nothing that the client gets shows it", async () => {
  await using gateway = await openTestGateway({ policies: openPolicies + tried, catalog });
  await using plain = await openTestGateway({ policies: openPolicies, catalog });
  for (const [body, script] of [
    [ask(), answers.whole],
    [askStream(), answers.stream],
  ] as const) {
    gateway.upstream().script = script;
    plain.upstream().script = script;
    const channel = await gateway.call(body);
    const expected = await plain.call(body);
    assert.equal(channel.status, 200);
    assert.equal(channel.text, expected.text);
    assert.deepEqual(Object.keys(channel.headers), Object.keys(expected.headers));
    assert.doesNotMatch(channel.everything, /tried|shadow|seen by nobody/);
    const [call, action] = await gateway.entries(channel);
    assert.ok(call?.type === "call.decided");
    assert.deepEqual(
      [call.decision, call.policies.ids, call.shadow],
      [
        "permit",
        ["calls"],
        { decision: "deny", error: false, policies: { ids: ["tried-on-calls"], more: 0 }, sign_offs: [] },
      ],
    );
    if (action?.type !== "action.decided") continue;
    assert.deepEqual(
      [action.decision, action.shadow],
      [
        "permit",
        {
          decision: "hold",
          error: false,
          policies: { ids: ["tried-on-tools"], more: 0 },
          sign_offs: ["finance"],
        },
      ],
    );
    const [unshadowed] = await plain.entries(expected);
    assert.ok(unshadowed !== undefined && !("shadow" in unshadowed));
  }
});

test("a feature that only a shadow permits is denied, and its name is on record with what it would have been", async () => {
  await using gateway = await openTestGateway({
    policies: `${openPolicies}@id("tried-on-store") @mode("shadow") permit (
      principal, action == Portcullis::Action::"use_feature", resource
    ) when { context.feature == "store" };`,
  });
  const channel = await gateway.call(ask({ store: true }));
  assert.equal(channel.refusal?.reason, "policy_denied");
  const [call] = await gateway.entries(channel);
  assert.ok(call?.type === "call.decided");
  assert.deepEqual([call.decision, call.shadow?.decision], ["deny", "permit"]);
  assert.deepEqual(call.shadow?.policies.ids, ["calls", "tried-on-store"]);
  assert.deepEqual(call.facts?.["features"], ["store"]);
});

test("names of features that would not fit into an entry are counted", async () => {
  await using gateway = await openTestGateway({ policies: openPolicies });
  const fields = Array.from({ length: 60 }, (_, at) => [`${at}${"\u0001".repeat(118)}`, "text"]);
  const channel = await gateway.call(ask(Object.fromEntries(fields)));
  const [call] = await gateway.entries(channel);
  assert.ok(call?.type === "call.decided");
  const { features, features_left_out: left } = call.facts ?? {};
  assert.ok(Array.isArray(features) && features.length > 5);
  assert.equal(left, 60 - features.length);
});
