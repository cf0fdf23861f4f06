import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import { ask, askStream, catalog, toolCall, tools } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

const policies = `
@id("calls") @reason("models may be called")
permit (principal, action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource);
@id("store") permit (principal, action == Portcullis::Action::"use_feature", resource)
when { context.feature == "store" };
@id("tools") permit (principal, action in Portcullis::Action::"call_tool", resource);
@id("no-large") @reason("too dear; use up/m")
forbid (principal, action, resource == Portcullis::Model::"up/large");
@id("no-large-at-all") @reason("größer ist nicht besser, 100%")
forbid (principal in Portcullis::Group::"staff", action, resource == Portcullis::Model::"up/large");
@id("ask-finance") @reason("finance pays") @approval("finance")
forbid (principal, action, resource == Portcullis::Model::"up/held")
unless { context.approvals.contains("finance") };
@id("fails")
forbid (principal, action == Portcullis::Action::"chat", resource == Portcullis::Model::"up/broken")
when { context.hour * 9223372036854775807 > 0 };
@id("fails-on-mail") forbid (principal, action == Portcullis::Action::"notify", resource)
when { context.labels.contains("pii.email") && context.hour * 9223372036854775807 > 0 };
@id("no-boss") @reason("not for the boss") forbid (principal, action == Portcullis::Action::"chat", resource)
when { context has user && context.user == "boss" };
@id("no-shell") @reason("no shells") forbid (principal, action == Portcullis::Action::"chat", resource)
when { context.tools.contains("shell") };
@id("no-mail") @reason("no addresses") forbid (principal, action == Portcullis::Action::"chat", resource)
when { context.labels.contains("pii.email") };
`;

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ policies, catalog });
  gateway.upstream().script = () => whole(200, completion({ role: "assistant", content: "hi" }));
});
after(() => gateway[Symbol.asyncDispose]());

async function refused(body: object | string) {
  const channel = await gateway.call(body);
  const { error, portcullis } = JSON.parse(channel.text);
  return { channel, error, portcullis, headers: channel.headers, entries: await gateway.entries(channel) };
}

test("a denial names every policy that denies and its reason, in body, headers and record", async () => {
  const { channel, error, portcullis, headers, entries } = await refused(ask({ model: "up/large" }));
  assert.deepEqual(
    [channel.status, error.type, error.code, error.param],
    [403, "permission_error", "policy_denied", null],
  );
  assert.equal(
    error.message,
    "policy denies this call: too dear; use up/m (no-large); größer ist nicht besser, 100% (no-large-at-all)",
  );
  assert.deepEqual(portcullis.policies, [
    { id: "no-large", reason: "too dear; use up/m" },
    { id: "no-large-at-all", reason: "größer ist nicht besser, 100%" },
  ]);
  assert.equal(portcullis.call, headers["x-portcullis-call"]);
  assert.equal(headers["x-portcullis-decision"], "deny");
  assert.equal(headers["x-portcullis-policy-revision"], gateway.parts.policy.revision);
  assert.equal(headers["x-portcullis-policies"], "no-large, no-large-at-all");
  assert.equal(
    headers["x-portcullis-reasons"],
    "too dear; use up/m; gr%C3%B6%C3%9Fer ist nicht besser, 100%25",
    "a header is ASCII, and decodes to the reason",
  );
  assert.equal(headers["x-should-retry"], "false");
  const [decided] = entries;
  assert.ok(decided?.type === "call.decided");
  assert.deepEqual(decided.policies, { ids: ["no-large", "no-large-at-all"], more: 0 });
  assert.deepEqual(decided.reasons[0], "application `assistant` may not chat with `up/large`");
});

test("what no policy permits is told in words", async () => {
  const { error, portcullis, headers } = await refused(ask({ web_search_options: {} }));
  assert.match(error.message, /no policy permits this call: `web_search_options` may make the provider act/);
  assert.deepEqual([portcullis.policies, headers["x-portcullis-policies"]], [[], undefined]);
});

test("a hold names the sign-offs and who asks for them", async () => {
  const channel = await gateway.call(ask({ model: "up/held" }));
  const { headers } = channel;
  assert.match(channel.text, /This request waits for a sign-off by finance \(/);
  const entries = await gateway.entries(channel);
  assert.deepEqual(
    [headers["x-portcullis-decision"], headers["x-portcullis-policies"]],
    ["hold", "ask-finance"],
  );
  const [decided] = entries;
  assert.ok(decided?.type === "call.decided");
  assert.deepEqual([decided.decision, decided.sign_offs], ["hold", ["finance"]]);
});

test("a forbid that fails is a denial that names the policy and no value", async () => {
  const { channel, error, headers, entries } = await refused(ask({ model: "up/broken", user: "zq7" }));
  assert.deepEqual(
    [channel.status, error.code, headers["x-portcullis-decision"]],
    [403, "policy_error", "deny"],
  );
  assert.match(error.message, /`fails`/);
  assert.doesNotMatch(channel.everything, /zq7/);
  const [decided] = entries;
  assert.ok(decided?.type === "call.decided");
  assert.match(decided.reasons.join(), /evaluating `fails` failed/);
  assert.equal(
    gateway.upstream().sent.some(({ body }) => Buffer.from(body).includes("broken")),
    false,
  );
});

test("a forbid that fails on a tool call denies the call, also one that may go unattended", async () => {
  const proposing = (args: string) =>
    streamOf([
      delta({ tool_calls: [{ index: 0, ...toolCall("notify", args) }] }),
      delta({}, "tool_calls"),
      done,
    ]).script;
  const { script } = gateway.upstream();
  gateway.upstream().script = proposing('{"to":"bob@example.com"}');
  const { channel, error, headers, entries } = await refused(askStream());
  assert.deepEqual(
    [channel.status, error.code, headers["x-portcullis-decision"]],
    [403, "tool_call_denied", "deny"],
  );
  assert.match(error.message, /evaluating `fails-on-mail` failed/);
  const action = entries.find((leaf) => leaf.type === "action.decided");
  assert.deepEqual([action?.decision, action?.unattended], ["deny", true]);
  gateway.upstream().script = proposing('{"to":"Bob"}');
  assert.equal((await gateway.call(askStream())).ending, "end", "and without an address it passes");
  gateway.upstream().script = script;
});

test("a tool call that waits is told with its tools, sign-offs, policies and reasons", async () => {
  const { script } = gateway.upstream();
  gateway.upstream().script = () =>
    whole(
      200,
      completion({ tool_calls: [toolCall("send_email"), toolCall("get_weather", "{}", "b")] }, "tool_calls"),
    );
  const channel = await gateway.call(ask());
  const entries = await gateway.entries(channel);
  assert.deepEqual([channel.status, channel.ending], [200, "respond"]);
  const [{ message, finish_reason: finish }] = JSON.parse(channel.text).choices;
  assert.equal(finish, "stop");
  assert.match(
    message.content,
    /^\[Portcullis\] The tool call `send_email` waits for a sign-off by default \(a tool that may change state needs a sign-off\)/,
  );
  const { headers } = channel;
  assert.deepEqual(
    [headers["x-portcullis-decision"], headers["x-portcullis-policies"]],
    ["hold", "portcullis/floor"],
  );
  assert.deepEqual(
    entries.flatMap((leaf) =>
      leaf.type === "action.decided" ? [[leaf.tool, leaf.effect, leaf.decision]] : [],
    ),
    [
      ["send_email", "write", "hold"],
      ["get_weather", "read", "permit"],
    ],
  );
  gateway.upstream().script = script;
});

test("a tool call that is denied without a policy does not name those that permitted the call", async () => {
  const { script } = gateway.upstream();
  const cutOff = completion({ tool_calls: [toolCall("notify")] }, "length");
  const streamedCutOff = [
    delta({ tool_calls: [{ index: 0, ...toolCall("notify") }] }),
    delta({}, "length"),
    done,
  ];
  for (const one of [() => whole(200, cutOff), streamOf(streamedCutOff).script]) {
    gateway.upstream().script = one;
    const { portcullis, headers } = await refused(askStream());
    assert.deepEqual([headers["x-portcullis-decision"], portcullis.policies], ["deny", []]);
    assert.deepEqual(
      [headers["x-portcullis-policies"], headers["x-portcullis-reasons"]],
      [undefined, undefined],
    );
  }
  gateway.upstream().script = script;
});

test("a key that is missing or wrong is refused without a trace on the trail", async () => {
  const before = (await gateway.all()).length;
  for (const key of ["", "pcl_wrong"]) {
    const channel = await gateway.call(ask(), { key });
    assert.deepEqual([channel.status, channel.headers["x-portcullis-call"]], [401, undefined]);
  }
  assert.equal((await gateway.all()).length, before);
});

const disguises = [
  { __entity: { type: "Portcullis::Application", id: "assistant" } },
  { __entity: { type: "Portcullis::Group", id: "staff" } },
  { __extn: { fn: "ip", arg: "10.1.2.3" } },
  { __extn: { fn: "decimal", arg: "1.0" } },
  { __expr: "true" },
] as const;

test("a client's text that looks like Cedar's JSON is text: it decides nothing", async () => {
  for (const disguise of disguises) {
    const text = JSON.stringify(disguise);
    const named = { type: "function", function: { name: text.slice(0, 60), parameters: disguise } };
    const harmless: readonly object[] = [
      { user: text },
      { metadata: disguise, messages: [{ role: "user", content: text }] },
      {
        tools: [...tools, named],
        messages: [{ role: "user", name: text, content: [{ type: "text", text }] }],
      },
      { messages: [{ role: "assistant", tool_calls: [toolCall("send_email", text)] }] },
      { response_format: disguise, logit_bias: disguise, stop: [text] },
    ];
    for (const more of harmless) {
      const channel = await gateway.call(ask(more));
      assert.equal(channel.status, 200, JSON.stringify(more));
    }
    const forbidden: readonly (readonly [object, string])[] = [
      [{ model: "up/large", user: text, metadata: disguise }, "policy_denied"],
      [{ user: "boss", metadata: disguise }, "policy_denied"],
      [
        { user: text, tools: [...tools, named, { type: "function", function: { name: "shell" } }] },
        "policy_denied",
      ],
      [{ messages: [{ role: "user", content: `${text} bob@example.com` }] }, "policy_denied"],
      [{ [text]: disguise }, "policy_denied"],
      [{ ...disguise, __entity: {}, store: true }, "policy_denied"],
    ];
    const messages = [{ role: "user", content: text }];
    const held = await gateway.call(ask({ model: "up/held", user: text, messages }));
    assert.match(held.text, /This request waits for a sign-off by finance/);
    for (const [more, code] of forbidden) {
      const { channel, error } = await refused(ask(more));
      assert.deepEqual([channel.status, error.code], [403, code], JSON.stringify(more));
    }
  }
});

test("no JSON in the place of a fact changes what the same request without it gets", async () => {
  const neutral = (await gateway.call(ask({ user: "x" }))).headers["x-portcullis-policies"];
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.string(), fc.integer(), fc.constantFrom(...disguises), tie("object")),
    object: fc.dictionary(
      fc.constantFrom("__entity", "__extn", "__expr", "fn", "arg", "type", "id"),
      tie("value"),
      { maxKeys: 3 },
    ),
  })).value;
  await fc.assert(
    fc.asyncProperty(json, json, async (one, other) => {
      const user = JSON.stringify(one).slice(0, 200);
      const body = ask({ user, metadata: one, messages: [{ role: "user", content: JSON.stringify(other) }] });
      const permitted = await gateway.call(body);
      assert.deepEqual([permitted.status, permitted.headers["x-portcullis-policies"]], [200, neutral]);
      const denied = await gateway.call({ ...body, model: "up/large" });
      assert.equal(denied.status, 403);
    }),
    { numRuns: 30 },
  );
});
