import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fail } from "../core/result.ts";
import type { ProviderFailure } from "../providers/provider.ts";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import { openPolicies } from "./policies.test-support.ts";
import type { CallLeaf } from "./record.test-support.ts";
import { ask, askStream, catalog, toolCall } from "./requests.test-support.ts";
import { completion, delta, done, type Script, streamOf, whole } from "./upstream.test-support.ts";

const policies = `${openPolicies}
@id("not-there") @reason("no data leaves for other")
forbid (principal, action, resource in Portcullis::Provider::"other");
@id("ask-first") @approval("finance")
forbid (principal, action, resource == Portcullis::Model::"up/held")
unless { context.approvals.contains("finance") };
`;

const aliases = {
  two: ["up/m", "up/m2"],
  past: ["up/m", "other/m", "up/m2"],
  held: ["up/m", "up/held", "up/m2"],
  first: ["other/m", "up/m2"],
  nowhere: ["up/m", "other/m"],
};

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ policies, catalog, aliases });
});
after(() => gateway[Symbol.asyncDispose]());

const busy = { error: { message: "busy  now" } };
const hi = whole(200, completion({ role: "assistant", content: "hi" }));

/** `first` for the model `m`, `second` for every other. */
function byModel(first: ReturnType<Script> | Script, second: ReturnType<Script> = hi): Script {
  return (request) => {
    const answer = JSON.parse(Buffer.from(request.body).toString()).model === "m" ? first : second;
    return typeof answer === "function" ? answer(request) : answer;
  };
}

async function take(script: Script, body: object) {
  gateway.upstream().script = script;
  gateway.journal.length = 0;
  // Long enough for what failed before to be forgotten.
  gateway.control.laterMs += 100_000;
  const channel = await gateway.call(body);
  const entries = await gateway.entries(channel);
  return {
    entries,
    text: channel.text,
    status: channel.status,
    model: channel.headers["x-portcullis-model"],
  };
}

function decisions(entries: readonly CallLeaf[]): readonly (readonly unknown[])[] {
  return entries.flatMap((leaf) =>
    leaf.type === "call.decided" ? [[leaf.dispatch, leaf.target, leaf.decision]] : [],
  );
}

function sent(): readonly string[] {
  return gateway.journal.filter((what) => what.startsWith("send "));
}

test("the second target is decided anew, recorded, and only then tried", async () => {
  const { entries, text, model } = await take(byModel(whole(503, busy)), ask({ model: "two" }));
  assert.deepEqual(decisions(entries), [
    [1, "up/m", "permit"],
    [2, "up/m2", "permit"],
  ]);
  assert.deepEqual(gateway.journal, [
    "durable decided permit up/m",
    "send up/m",
    "durable decided permit up/m2",
    "send up/m2",
    "durable completed ok",
    "respond 200",
  ]);
  assert.deepEqual([JSON.parse(text).choices[0].message.content, model], ["hi", "up/m2"]);
  const completed = entries.at(-1);
  assert.ok(completed?.type === "call.completed");
  assert.deepEqual([completed.target, completed.dispatches], ["up/m2", 2]);
});

test("a target that policy forbids or holds is passed over on record and never tried", async () => {
  for (const [alias, passed, decision] of [
    ["past", "other/m", "deny"],
    ["held", "up/held", "hold"],
  ] as const) {
    const { entries, model } = await take(byModel(whole(500, busy)), ask({ model: alias }));
    assert.deepEqual(decisions(entries), [
      [1, "up/m", "permit"],
      [2, passed, decision],
      [3, "up/m2", "permit"],
    ]);
    assert.deepEqual([sent(), model], [["send up/m", "send up/m2"], "up/m2"]);
  }
  assert.equal(gateway.upstream("other").sent.length, 0);
});

test("when no other target is permitted the client gets the first one's own error, byte for byte", async () => {
  const { entries, text, status } = await take(
    byModel(whole(503, '{ "error": "busy  now" }')),
    ask({ model: "nowhere" }),
  );
  assert.deepEqual([status, text], [503, '{ "error": "busy  now" }']);
  assert.deepEqual(decisions(entries), [
    [1, "up/m", "permit"],
    [2, "other/m", "deny"],
  ]);
  const completed = entries.at(-1);
  assert.ok(completed?.type === "call.completed");
  assert.deepEqual(
    [completed.outcome, completed.target, completed.dispatches],
    ["upstream_error", "up/m", 1],
  );
});

test("an alias whose first target is forbidden is refused: another model is no answer to a no", async () => {
  const { entries, status } = await take(byModel(hi), ask({ model: "first" }));
  assert.deepEqual([status, sent(), decisions(entries)], [403, [], [[1, "other/m", "deny"]]]);
});

test("what another target may not share is tried there, and nothing else is", async () => {
  const failures = (reason: ProviderFailure["reason"]) =>
    fail<ProviderFailure>({ reason, detail: "so it is" });
  const cases: readonly (readonly [ReturnType<Script>, boolean])[] = [
    [whole(429, busy), true],
    [whole(500, busy), true],
    [whole(502, busy), true],
    [whole(400, busy), false],
    [whole(401, busy), false],
    [whole(404, busy), false],
    [whole(200, "{"), false],
    [failures("unavailable"), true],
    [failures("unreachable"), true],
    [failures("timeout"), true],
    [failures("invalid"), false],
    [failures("too_large"), false],
    [failures("cancelled"), false],
  ];
  for (const [answer, goesOn] of cases) {
    const { entries } = await take(byModel(answer), ask({ model: "two" }));
    assert.equal(sent().length, goesOn ? 2 : 1, JSON.stringify(answer));
    assert.equal(decisions(entries).length, sent().length);
  }
});

test("the last target's failure is the one that is told", async () => {
  const unreachable = fail<ProviderFailure>({ reason: "unreachable", detail: "nobody is at home" });
  const { entries, text, status } = await take(byModel(whole(500, busy), unreachable), ask({ model: "two" }));
  assert.deepEqual([status, JSON.parse(text).error.code], [502, "upstream_unreachable"]);
  const completed = entries.at(-1);
  assert.ok(completed?.type === "call.completed");
  assert.deepEqual(
    [completed.outcome, completed.target, completed.dispatches],
    ["upstream_unreachable", "up/m2", 2],
  );
});

test("a stream that has begun is not started over elsewhere, whatever becomes of it", async () => {
  const script = byModel(streamOf([delta({ content: "a" })]).script);
  const { text } = await take(script, askStream({ model: "two" }));
  assert.deepEqual(sent(), ["send up/m"]);
  assert.match(text, /"a"[\s\S]*"upstream_invalid"/);
});

test("a client that leaves between two targets keeps the second from being tried", async () => {
  const channel = gateway.channel();
  gateway.journal.length = 0;
  gateway.upstream().script = () => {
    channel.leave();
    return whole(503, busy);
  };
  await gateway.call(ask({ model: "two" }), { channel });
  assert.deepEqual(sent(), ["send up/m"]);
  const completed = (await gateway.entries(channel)).at(-1);
  assert.ok(completed?.type === "call.completed");
  assert.deepEqual([completed.outcome, completed.dispatches], ["client_closed", 1]);
});

test("actions answer the dispatch that proposed them, and what goes to a target names its model", async () => {
  const call = { tool_calls: [{ index: 0, ...toolCall("notify") }] };
  const stream = streamOf([delta(call), delta({}, "tool_calls"), done]);
  const busyAtFirst = byModel(whole(503, busy));
  gateway.upstream().script = (request) =>
    Buffer.from(request.body).includes('"m2"') ? stream.script(request) : busyAtFirst(request);
  const channel = await gateway.call(askStream({ model: "past" }));
  const action = (await gateway.entries(channel)).find((leaf) => leaf.type === "action.decided");
  assert.equal(action?.dispatch, 3);
  assert.match(channel.text, /"notify"/);
  const bodies = gateway
    .upstream()
    .sent.slice(-2)
    .map(({ body }) => JSON.parse(Buffer.from(body).toString()));
  assert.deepEqual(
    bodies.map(({ model, ...rest }) => [model, Object.keys(rest)]),
    [
      ["m", ["messages", "tools", "stream"]],
      ["m2", ["messages", "tools", "stream"]],
    ],
  );
});
