import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openTestGateway, type TestGateway } from "../gateway.test-support.ts";
import { proposals, secret } from "../proposal-fixtures.test-support.ts";
import { askStream as asked, catalog, toolCall, unlikeOthers } from "../requests.test-support.ts";
import { released, sentBy, writtenOf } from "../stream-fixtures.test-support.ts";
import { delta, done, event, type Step, streamOf, whole } from "../upstream.test-support.ts";

/** No retry of an earlier one, which would get what that left waiting. */
const askStream = (more: object = {}): object => unlikeOthers(asked(more));

let gateway: TestGateway;

before(async () => {
  gateway = await openTestGateway({ catalog, payloads: "response", limits: { response: 128 * 1024 } });
});
after(() => gateway[Symbol.asyncDispose]());

const toolBytes = new RegExp(`${secret}|"tool_calls"|"function_call"|"custom"|"mcp"`);

for (const fixture of proposals) {
  test(`of ${fixture.name} not a byte reaches the client`, async () => {
    gateway.upstream().script = streamOf(sentBy(fixture)).script;
    const channel = await gateway.call(askStream());
    assert.doesNotMatch(channel.everything, toolBytes);
    const entries = await gateway.entries(channel);
    const completed = entries.at(-1);
    assert.ok(completed?.type === "call.completed");
    const waits = completed.outcome === "held";
    assert.equal(waits ? "withheld" : completed.outcome, fixture.outcome);
    const flowed = writtenOf(fixture, "flows").join("");
    if (waits) {
      assert.deepEqual([channel.status, channel.ending], [200, "end"]);
      assert.match(channel.text, /"\[Portcullis\] The tool call `|\\n\\n\[Portcullis\] The tool call `/);
      assert.ok(channel.text.endsWith("data: [DONE]\n\n") || fixture.name === "no [DONE]");
    } else if (flowed === "") {
      assert.notEqual(channel.status, 200, "before anything went out the client gets a true status");
    } else {
      // Text that stands behind a comment or another choice's text goes on while the call is held.
      assert.equal(channel.text.slice(0, flowed.length), flowed);
    }
    if (waits) return;
    if (fixture.outcome !== "withheld") return assert.doesNotMatch(channel.text, /\[DONE\]/);
    const actions = entries.filter((leaf) => leaf.type === "action.decided");
    assert.ok(actions.some((action) => action.decision !== "permit"));
    assert.ok(["approval_required", "tool_call_denied"].includes(completed.reason ?? ""));
    if (channel.status === 200)
      assert.match(channel.text, /"\[Portcullis\] The tool call [^"]* was withheld/);
  });
}

for (const fixture of released) {
  test(`of ${fixture.name} every event reaches the client, in order`, async () => {
    gateway.upstream().script = streamOf(sentBy(fixture)).script;
    const channel = await gateway.call(askStream());
    assert.equal(channel.text, [...writtenOf(fixture, "flows"), ...writtenOf(fixture, "held")].join(""));
    const entries = await gateway.entries(channel);
    const completed = entries.at(-1);
    assert.ok(completed?.type === "call.completed" && completed.outcome === "ok");
    assert.ok(entries.every((leaf) => leaf.type !== "action.decided" || leaf.decision === "permit"));
  });
}

test("a proposal in a shape that nobody knows reaches no client, whatever else the event says", async () => {
  const known = { index: 0, delta: { content: "b" } };
  const toolCalls = [toolCall("send_email", `{"to":"${secret}"}`)];
  const write = { tool_calls: toolCalls };
  const chunks: readonly object[] = [
    { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, type: "mcp", mcp: { name: secret } }] } }] },
    { choices: [{ ...known, tool_calls: toolCalls }] },
    { choices: [{ index: 0, delta: { content: "b", provider_specific_fields: write } }] },
    {
      choices: [
        { index: 0, delta: { content: [{ type: "tool_use", name: "send_email", input: { to: secret } }] } },
      ],
    },
    { choices: [{ index: 0, delta: { Tool_Calls: toolCalls } }] },
    { choices: [{ index: 0, Delta: write }] },
    { Choices: [{ index: 0, delta: write }] },
    { choices: [known], tool_calls: toolCalls },
    { choices: [known], output: [{ type: "function_call", name: "send_email", arguments: secret }] },
    {
      type: "content_block_start",
      content_block: { type: "tool_use", name: "send_email", input: { to: secret } },
    },
    { message: { role: "assistant", ...write }, done: true },
    ...[{ message: "overloaded" }, false, 0, ""].map((error) => ({
      choices: [{ index: 0, delta: write }],
      error,
    })),
  ];
  for (const chunk of chunks) {
    for (const steps of [
      [delta({ content: "a" }), event(chunk), delta({}, "stop"), done],
      [event(chunk), delta({}, "tool_calls"), done],
    ]) {
      gateway.upstream().script = streamOf(steps).script;
      const channel = await gateway.call(askStream());
      assert.doesNotMatch(channel.everything, toolBytes, JSON.stringify(chunk));
    }
    gateway.upstream().script = () => whole(200, chunk);
    const channel = await gateway.call(askStream());
    assert.doesNotMatch(channel.everything, toolBytes, JSON.stringify(chunk));
  }
});

const call = (name: string) => ({ tool_calls: [{ index: 0, ...toolCall(name, `{"to":"${secret}"}`) }] });

test("a client that leaves while a call is held gets nothing of it, and the upstream is let go of", async () => {
  for (const name of ["send_email", "notify"]) {
    const channel = gateway.channel();
    const stream = streamOf([
      delta({ content: "a" }),
      delta(call(name)),
      () => channel.leave(),
      delta({}, "tool_calls"),
      done,
    ]);
    gateway.upstream().script = stream.script;
    await gateway.call(askStream(), { channel });
    assert.doesNotMatch(channel.everything, toolBytes);
    const completed = (await gateway.entries(channel)).at(-1);
    assert.ok(completed?.type === "call.completed" && completed.outcome === "client_closed");
    assert.equal(completed.usage.source, "estimate");
  }
});

test("a client that leaves as the last event comes gets nothing of a call that could have been released", async () => {
  for (const last of [[delta({}, "tool_calls"), done], [delta({}, "tool_calls")]]) {
    const channel = gateway.channel();
    const steps = [delta({ content: "a" }), delta(call("notify")), ...last, () => channel.leave()];
    // A provider whose stream is over before it notices.
    const { signal } = new AbortController();
    gateway.upstream().script = (request) => streamOf(steps).script({ ...request, signal });
    await gateway.call(askStream(), { channel });
    assert.doesNotMatch(channel.everything, toolBytes);
    const completed = (await gateway.entries(channel)).at(-1);
    assert.ok(completed?.type === "call.completed" && completed.outcome === "client_closed");
  }
});

test("more calls than anybody would ask for are refused without being decided one by one", async () => {
  const many = Array.from({ length: 257 }, (_, index) => ({
    index,
    ...toolCall("notify", "{}", `call_${index}`),
  }));
  gateway.upstream().script = streamOf([delta({ tool_calls: many }), delta({}, "tool_calls"), done]).script;
  const channel = await gateway.call(askStream());
  assert.deepEqual([channel.status, channel.refusal?.reason], [403, "tool_call_denied"]);
  assert.equal((await gateway.entries(channel)).length, 2);
});

test("an event, or what has to be held, beyond `limits.response` ends the stream", async () => {
  const text = delta({ content: "a" });
  const part = delta({ tool_calls: [{ index: 0, function: { arguments: secret.repeat(10_000) } }] });
  const calls = [delta(call("notify")), ...Array.from({ length: 5 }, () => part)];
  const finishes = Array.from({ length: 2000 }, () => delta({}, "stop"));
  const event = [delta({ content: secret.repeat(50_000) })];
  for (const held of [calls, finishes, event]) {
    gateway.upstream().script = streamOf([text, ...held, done]).script;
    const channel = await gateway.call(askStream());
    assert.equal(channel.refusal?.reason, "upstream_too_large");
    assert.ok(channel.text.startsWith(`${text}data: {"error"`));
    assert.doesNotMatch(channel.everything, toolBytes);
  }
});

test("the kept answer and its commitment are of the bytes that the client got", async () => {
  const withheld = [delta({ content: "a" }), delta(call("send_email")), delta({}, "tool_calls"), done];
  const passed = [delta({ content: "a" }), delta(call("notify")), delta({}, "tool_calls"), done];
  const failed = [delta({ content: "a" }), event({ error: { message: "overloaded" } })];
  for (const steps of [withheld, passed, failed]) {
    gateway.upstream().script = streamOf(steps).script;
    const channel = await gateway.call(askStream());
    const completed = (await gateway.entries(channel)).at(-1);
    assert.ok(completed?.type === "call.completed" && completed.response !== null);
    await gateway.payloads.flush();
    const [kept] = await gateway.payloads.read(completed.id);
    assert.ok(kept?.status === "readable" && kept.field === "response");
    assert.equal(Buffer.from(kept.value).toString(), channel.text);
  }
});

test("usage is the provider's where it says it, else an estimate of what was produced", async () => {
  const usage = { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } };
  const cases: readonly (readonly [readonly Step[], string, number])[] = [
    [[delta({ content: "abcdefgh" }), delta({}, "stop"), done], "estimate", 2],
    [
      [delta({ content: "a" }), event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage })],
      "provider",
      4,
    ],
    [[event({ choices: [], usage }), delta({ content: "a" }, "stop"), done], "provider", 4],
    [[delta({ content: "abcdefgh" }), "data: {oops\n\n"], "estimate", 2],
    [[event({ choices: [], usage }), delta({ content: "a" })], "provider", 4],
    [[delta({ content: "abcdefgh" }), new Error("a bug")], "estimate", 2],
  ];
  for (const [steps, source, output] of cases) {
    gateway.upstream().script = streamOf(steps).script;
    const completed = (await gateway.entries(await gateway.call(askStream()))).at(-1);
    assert.ok(completed?.type === "call.completed");
    assert.deepEqual(
      [completed.usage.source, completed.usage.output_tokens],
      [source, output],
      steps.join(""),
    );
  }
});

test("a client that asked for usage gets it although it came with a withheld choice", async () => {
  const usage = { prompt_tokens: 9, completion_tokens: 4 };
  const last = event({ choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }], usage });
  gateway.upstream().script = streamOf([
    delta({ content: "a" }),
    delta(call("send_email")),
    last,
    done,
  ]).script;
  const channel = await gateway.call(askStream());
  assert.match(channel.text, /"usage":\{"prompt_tokens":9,"completion_tokens":4\}/);
  assert.doesNotMatch(channel.everything, toolBytes);
});

test("the last event of a stream whose lines end in carriage returns is relayed as well", async () => {
  for (const text of [delta({ content: "a" }) + delta({}, "stop") + done, delta({ content: "a" }, "stop")]) {
    gateway.upstream().script = streamOf([text.replaceAll("\n", "\r")]).script;
    const channel = await gateway.call(askStream());
    assert.deepEqual([channel.ending, channel.text], ["end", text]);
  }
});

test("an upstream that says [DONE] and keeps its connection open keeps nobody waiting, and is let go of", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const never = new Promise<void>(() => {});
  const stream = streamOf([delta({ content: "a" }), delta({}, "stop"), done, () => never]);
  gateway.upstream().script = stream.script;
  const channel = await gateway.call(askStream());
  assert.deepEqual([channel.ending, stream.closed()], ["end", false]);
  t.mock.timers.tick(1000);
  assert.ok(stream.closed());
});

test("a byte order mark is not written, least of all before an event that was held and comes later", async () => {
  const begun = delta({ tool_calls: [{ index: 0, ...toolCall("notify") }] }, "tool_calls");
  const other = [delta({ content: "a" }, null, 1), delta({}, "stop", 1)];
  gateway.upstream().script = streamOf([`\ufeff${begun}`, ...other, done]).script;
  const channel = await gateway.call(askStream());
  // In the middle of a stream a reader would take the mark for part of the field's name, and lose the call's beginning.
  assert.equal(channel.text, [other[0], begun, other[1], done].join(""));
});
