// Typed arguments on their way through the gate: decided on, kept from the client where they do not fit, and never on record.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPolicies, openTestGateway } from "./gateway.test-support.ts";
import { ask, askStream, catalog, toolCall } from "./requests.test-support.ts";
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
  await using gateway = await openTestGateway({ policies: attended, catalog: typed });
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
  await using gateway = await openTestGateway({ policies, catalog: typed });
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
