import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openTestGateway, type TestGateway } from "./gateway.test-support.ts";
import { paths, policies, take } from "./paths.test-support.ts";
import { ask, askStream, catalog } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ policies, catalog });
});
after(() => gateway[Symbol.asyncDispose]());

for (const path of paths) {
  test(`${path.name}: decided before it is sent, completed once and before the last bytes`, async () => {
    const { journal } = gateway;
    const channel = await take(gateway, path);
    const [ending, outcome, reason, status] = path.ends;
    assert.equal(channel.ending, ending);

    const sent = journal.flatMap((what, at) => (what.startsWith("send ") ? [at] : []));
    for (const at of sent) {
      const target = journal[at]?.slice("send ".length);
      assert.ok(journal.slice(0, at).includes(`durable decided permit ${target}`), journal.join("\n"));
    }
    const completed = journal.flatMap((what, at) => (what.includes(`completed ${outcome}`) ? [at] : []));
    assert.equal(completed.length, 1, journal.join("\n"));
    const over = journal.findIndex((what) => ending !== null && what.startsWith(ending));
    assert.ok(ending === null || (completed[0] ?? 0) < over, journal.join("\n"));

    const entries = await gateway.entriesOfLast();
    assert.equal(entries[0]?.type, "call.decided");
    const ends = entries.flatMap((leaf) => (leaf.type === "call.completed" ? [leaf] : []));
    assert.equal(ends.length, 1);
    assert.equal(ends[0], entries.at(-1));
    assert.deepEqual([ends[0]?.outcome, ends[0]?.reason, ends[0]?.status], [outcome, reason, status]);
    assert.equal(ends[0]?.dispatches, sent.length);
    // A client that was gone before its answer began is told nothing.
    if (ending === null) return assert.equal(channel.started, false);
    assert.equal(channel.headers["x-portcullis-call"], ends[0]?.call);
    assert.equal(channel.status, status, "the record says the status that the client got");
  });
}

test("a fault of ours is told to the operator, and to the client without its text", async () => {
  gateway.faults.length = 0;
  const path = paths.find(({ name }) => name === "a provider that throws");
  assert.ok(path);
  const channel = await take(gateway, path);
  const [line = "{}"] = gateway.faults;
  const { msg, fault, call } = JSON.parse(line);
  assert.deepEqual([msg, call], ["a call met a fault", channel.headers["x-portcullis-call"]]);
  assert.match(fault, /^Error: a bug\n/);
  assert.doesNotMatch(channel.everything, /a bug|node_modules|\.ts/);
});

test("the last bytes of a stream are written after its completion is durable, and its text before", async () => {
  gateway.upstream().script = streamOf([
    delta({ content: "a" }),
    delta({ content: "b" }),
    delta({}, "stop"),
    done,
  ]).script;
  gateway.journal.length = 0;
  await gateway.call(askStream());
  assert.deepEqual(gateway.journal, [
    "durable decided permit up/m",
    "send up/m",
    "open 200",
    "write",
    "write",
    "durable completed ok",
    "write",
    "end",
  ]);
});

test("actions are durable with the completion, in one append, before any of them is released", async () => {
  const call = {
    tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "notify", arguments: "{}" } }],
  };
  gateway.upstream().script = streamOf([delta(call), delta({}, "tool_calls"), done]).script;
  gateway.journal.length = 0;
  const channel = await gateway.call(askStream());
  assert.deepEqual(gateway.journal, [
    "durable decided permit up/m",
    "send up/m",
    "durable action permit notify, completed ok",
    "open 200",
    "write",
    "end",
  ]);
  assert.equal(channel.text, [delta(call), delta({}, "tool_calls"), done].join(""));
});

test("a slow client is waited for, and nothing is written to it meanwhile", async () => {
  const channel = gateway.channel();
  const drained = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  channel.onWrite = () => {
    if (channel.text !== "") return undefined;
    first.resolve();
    return drained.promise;
  };
  gateway.upstream().script = streamOf([
    delta({ content: "a" }),
    delta({ content: "b" }),
    delta({}, "stop"),
    done,
  ]).script;
  const call = gateway.call(askStream(), { channel });
  await first.promise;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(channel.text, delta({ content: "a" }));
  drained.resolve();
  await call;
  assert.match(channel.text, /"b"[\s\S]*\[DONE\]/);
});

test("a stream is let go of however its call ends, so that its connection does not wait for a reader", async () => {
  const endings = [
    [delta({ content: "a" }), "data: {oops\n\n", done],
    [delta({ content: "a" }), 'data: {"error":{}}\n\n', done],
    [delta({ content: "a" }), new Error("a bug")],
    [delta({ content: "a" }), delta({}, "stop"), done],
  ];
  for (const steps of endings) {
    const stream = streamOf(steps);
    gateway.upstream().script = stream.script;
    await gateway.call(askStream());
    assert.ok(stream.closed() || steps.at(-1) instanceof Error);
  }
  const unasked = streamOf([done]);
  gateway.upstream().script = unasked.script;
  await gateway.call(ask());
  assert.ok(unasked.closed());
});

test("what is forwarded is what the client wrote, save for the concrete model and asking for usage", async () => {
  await using aliased = await openTestGateway({ aliases: { fast: ["up/m"] } });
  const upstream = aliased.upstream();
  upstream.script = () => whole(200, completion({ content: "hi" }));
  await aliased.call('{ "messages":[{"role":"user","content":"\\u0041"}],  "model" : "fast", "seed":1.50 }');
  assert.equal(
    Buffer.from(upstream.sent[0]?.body ?? "").toString(),
    '{ "messages":[{"role":"user","content":"\\u0041"}],  "model" : "m", "seed":1.50 }',
  );
  upstream.asksForStreamUsage = true;
  const usage = { choices: [], usage: { prompt_tokens: 4, completion_tokens: 2 } };
  upstream.script = streamOf([
    delta({ content: "a" }),
    delta({}, "stop"),
    `data: ${JSON.stringify(usage)}\n\n`,
    done,
  ]).script;
  const channel = await aliased.call(
    '{"model":"fast","stream":true,"messages":[{"role":"user","content":"x"}]}',
  );
  assert.equal(
    Buffer.from(upstream.sent[1]?.body ?? "").toString(),
    '{"stream_options":{"include_usage":true},"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}',
  );
  assert.doesNotMatch(channel.text, /usage/);
  const [, completed] = await aliased.entries(channel);
  assert.ok(completed?.type === "call.completed");
  assert.deepEqual(
    [completed.usage.source, completed.usage.input_tokens, completed.usage.output_tokens],
    ["provider", 4, 2],
  );
  assert.deepEqual([completed.cost_micro_usd, completed.price_source], [8, "config"]);
});
