import assert from "node:assert/strict";
import { test } from "node:test";
import { SseDecoder, type SseEvent } from "../providers/sse-decoder.ts";
import { proposals, secret } from "./proposal-fixtures.test-support.ts";
import { type Fate, released, sentBy, writtenOf } from "./stream-fixtures.test-support.ts";
import { type InspectionOptions, StreamInspection } from "./stream-inspection.ts";
import { delta, done, event } from "./upstream.test-support.ts";
import { withheldEvents } from "./withheld-answer.ts";

const offered = new Set(["get_weather", "send_email", "notify"]);

function inspection(options: Partial<InspectionOptions> = {}): StreamInspection {
  return new StreamInspection({
    usageIsOurs: false,
    maxDepth: 64,
    offers: (tool) => offered.has(tool),
    maxHeldBytes: 64 * 1024,
    ...options,
  });
}

function events(...texts: readonly string[]): readonly SseEvent[] {
  const decoded = new SseDecoder({ maxEventBytes: 64 * 1024 }).push(Buffer.from(texts.join("")));
  assert.ok(decoded.ok);
  assert.equal(decoded.value.length, texts.length, "each text is one event");
  return decoded.value;
}

/** What became of each event. */
function fates(inspected: StreamInspection, ...texts: readonly string[]): readonly Fate[] {
  return events(...texts).map((one) => {
    const before = inspected.held.length;
    const taken = inspected.take(one);
    if (!taken.ok || inspected.errorEvent !== null) return "breaks";
    if (taken.value !== null) {
      assert.equal(taken.value, one.raw, "what flows is the event as the decoder gives it");
      return "flows";
    }
    return inspected.held.length > before ? "held" : "dropped";
  });
}

function inspected(...texts: readonly string[]): StreamInspection {
  const made = inspection();
  for (const one of events(...texts)) assert.ok(made.take(one).ok);
  return made;
}

for (const fixture of [...proposals, ...released]) {
  test(`each event of ${fixture.name} goes where it should`, () => {
    const made = inspection();
    const found = fates(made, ...sentBy(fixture));
    assert.deepEqual(
      found,
      fixture.events.map(([fate]) => fate),
    );
    assert.deepEqual(
      made.held.map(({ raw }) => raw.toString()),
      writtenOf(fixture, "held"),
      "what is held stands in the order in which it came",
    );
  });
}

const refusal = {
  reason: "tool_call_denied",
  tools: ["send_email"],
  detail: "it writes (floor)",
  policies: [{ id: "floor", reason: "it writes" }],
} as const;

const write = {
  tool_calls: [
    {
      index: 0,
      id: "c",
      type: "function",
      function: { name: "send_email", arguments: `{"to":"${secret}"}` },
    },
  ],
};

for (const fixture of proposals.filter(({ outcome }) => outcome === "withheld")) {
  test(`in place of ${fixture.name} come a message, and whatever was held of other choices`, () => {
    const made = inspected(...sentBy(fixture));
    const texts = withheldEvents(made, refusal, "call_1").map(String);
    assert.doesNotMatch(texts.join(""), new RegExp(`${secret}|"tool_calls"|"function_call"|"custom"`));
    const told = texts.filter((text) =>
      text.includes("[Portcullis] The tool call `send_email` was withheld"),
    );
    assert.equal(told.length, made.toolChoices.length, "each proposing choice is ended by one message");
    const closes = made.held.some(({ raw }) => raw.includes("[DONE]"));
    assert.equal(texts.at(-1)?.includes("[DONE]") ?? false, closes, "and what came last still comes last");
  });
}

test("the message in place of tool calls is an ordinary last chunk of the same answer, and says why", () => {
  const made = inspected(
    event({ id: "cmpl-7", created: 12, model: "m-2026", choices: [{ index: 2, delta: write }] }),
    done,
  );
  const [message = Buffer.of()] = withheldEvents(made, refusal, "call_1");
  const chunk = JSON.parse(message.toString().slice("data: ".length));
  const { choices, ...naming } = chunk;
  assert.deepEqual(naming, { id: "cmpl-7", object: "chat.completion.chunk", created: 12, model: "m-2026" });
  assert.deepEqual(choices, [
    {
      index: 2,
      delta: {
        content:
          "[Portcullis] The tool call `send_email` was withheld: it writes (floor). Nothing was done. Call: call_1",
      },
      finish_reason: "stop",
    },
  ]);
});

test("a denial says why, and a refusal of another kind at least that nothing was done", () => {
  const made = inspected(delta(write), done);
  const denied = {
    reason: "tool_call_denied",
    tools: ["send_email", "notify"],
    detail: "no policy permits it",
    policies: [],
  } as const;
  assert.match(
    withheldEvents(made, denied, "call_1").join(""),
    /`send_email`, `notify` was withheld: no policy permits it\. Nothing was done\. Call: call_1/,
  );
  assert.match(
    withheldEvents(made, { reason: "internal" }, "call_1").join(""),
    /\(internal\)\. Nothing was done/,
  );
});

test("of an event with several choices the innocent ones go on, whatever their order", () => {
  const call = { index: 0, delta: write };
  const text = { index: 1, delta: { content: "Other" }, logprobs: null };
  for (const choices of [
    [call, text],
    [text, call],
    [call, text, call],
  ]) {
    const made = inspected(event({ id: "x", service_tier: "flex", choices }), done);
    const [kept] = withheldEvents(made, refusal, "call_1").map(String);
    assert.deepEqual(kept, event({ id: "x", service_tier: "flex", choices: [text] }));
  }
});

test("a chunk with usage alone is kept from a client that did not ask for it, and held for one that did", () => {
  const usage = event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } });
  for (const [usageIsOurs, fate] of [
    [true, "dropped"],
    [false, "held"],
  ] as const) {
    const made = inspection({ usageIsOurs });
    assert.deepEqual(fates(made, delta({ content: "a" }), delta({}, "stop"), usage), ["flows", "held", fate]);
    assert.deepEqual([made.usage?.input_tokens, made.usage?.output_tokens], [1, 2]);
  }
});

test("usage is read wherever it comes, and the last word counts", () => {
  const counted = (completion_tokens: number) => ({ usage: { prompt_tokens: 3, completion_tokens } });
  const made = inspected(
    event({ choices: [{ index: 0, delta: { content: "a" } }], ...counted(1) }),
    event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], ...counted(2) }),
    event({ choices: [], usage: null }),
  );
  assert.equal(made.usage?.output_tokens, 2);
});

test("an answer is complete when the upstream says so, or when every choice that began has ended", () => {
  assert.equal(inspected(delta({ content: "a" })).complete, false);
  assert.equal(inspected(event({ choices: [], usage: null })).complete, false);
  assert.equal(inspected(": hi\n\n").complete, false);
  assert.equal(inspected(delta({ content: "a" }), done).complete, true);
  assert.equal(inspected(delta({ content: "a" }, "stop"), delta({ content: "b" }, null, 1)).complete, false);
  assert.equal(inspected(delta({}, "stop"), delta({}, "length", 1)).complete, true);
});

test("a choice with tool calls is truncated when it was cut off or has no end, and another's end does not matter", () => {
  const cases = [
    [[delta(write, "tool_calls")], false],
    [[delta(write, "stop")], false],
    [[delta(write), delta({}, "function_call")], false],
    [[delta(write, "length")], true],
    [[delta(write), delta({}, "content_filter")], true],
    [[delta(write), done], true],
    [[delta(write, "tool_calls"), delta({ content: "x" }, "length", 1)], false],
    [[delta({ content: "x" }, "stop"), delta(write, null, 1), done], true],
  ] as const;
  for (const [texts, truncated] of cases)
    assert.equal(inspected(...texts).truncated, truncated, texts.join(""));
});

test("the answer's name, model, finish reasons, actions and output are what the upstream said", () => {
  const made = inspected(
    event({ id: "a", model: "m-1", choices: [{ index: 0, delta: { content: "é" } }] }),
    event({ id: "a", choices: [{ index: 1, delta: write }] }),
    event({ id: "a", model: "m-2", choices: [{ index: 1, delta: {}, finish_reason: "tool_calls" }] }),
    event({ id: "a", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
  );
  assert.deepEqual([made.model, made.finishReasons, made.toolChoices], ["m-2", ["tool_calls", "stop"], [1]]);
  assert.deepEqual(
    made.actions.map(({ choice, tool, argumentBytes }) => [choice, tool, argumentBytes]),
    [[1, "send_email", `{"to":"${secret}"}`]],
  );
  assert.equal(made.outputBytes, 2 + Buffer.byteLength(`send_email{"to":"${secret}"}`));
  assert.deepEqual(inspected().naming, {
    id: "chatcmpl-portcullis",
    object: "chat.completion.chunk",
    created: 0,
    model: "",
  });
});

test("what is held is bounded, by its bytes and by the calls it makes up", () => {
  const bounded = { maxHeldBytes: 1000 };
  const finish = delta({}, "stop");
  const made = inspection(bounded);
  const results = events(...Array.from({ length: 12 }, () => finish)).map((one) => made.take(one));
  const fits = Math.floor(1000 / finish.length);
  assert.deepEqual(
    results.map((result) => result.ok),
    Array.from({ length: 12 }, (_, at) => at < fits),
  );
  const large = inspection(bounded).take(
    events(delta({ function_call: { arguments: "x".repeat(1001) } }))[0] ?? { raw: Buffer.of(), data: null },
  );
  assert.ok(!large.ok);
  assert.equal(large.failure.reason, "too_large");
});

test("an event deeper than `limits.depth` breaks the stream", () => {
  const deep = event({ choices: [], citations: [[[[1]]]] });
  assert.deepEqual(fates(inspection({ maxDepth: 4 }), deep), ["breaks"]);
  assert.deepEqual(fates(inspection({ maxDepth: 5 }), deep), ["flows"]);
});
