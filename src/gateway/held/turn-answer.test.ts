import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { isObject } from "../../facts/json-shape.ts";
import { proposedActions } from "../../facts/proposed-actions.ts";
import { SseDecoder } from "../../providers/sse-decoder.ts";
import { StreamInspection } from "../stream-inspection.ts";
import { delta, done, event } from "../upstream.test-support.ts";
import { decodeHeld, encodeHeld, type Fates, placeKey, type StreamTurn, type WholeTurn } from "./turn.ts";
import { resumedStream, resumedWhole, sentText, streamTail, wholeAnswer } from "./turn-answer.ts";

const naming = { id: "x", created: 7, model: "m" };
const call = (name: string, args: string, id: string): object => ({
  id,
  type: "function",
  function: { name, arguments: args },
});

interface Choice {
  readonly index?: number;
  readonly message: object;
  readonly finish_reason: string | null;
}

function wholeTurn(choices: readonly Choice[], more: object = {}): WholeTurn {
  const body = JSON.stringify({
    ...naming,
    object: "chat.completion",
    choices,
    usage: { total_tokens: 9 },
    ...more,
  });
  const turn = decodeHeld(
    encodeHeld({
      v: 1,
      kind: "whole",
      status: 200,
      headers: {},
      body,
      naming,
      choices: choices.flatMap(({ index, message, finish_reason }, position) =>
        proposedActions(index ?? position, { ...message }).length === 0
          ? []
          : [{ index: index ?? position, message: { ...message }, finish_reason }],
      ),
    }),
  );
  assert.ok(turn.kind === "whole");
  return turn;
}

/** As relay-stream.ts keeps it. */
function streamTurn(events: readonly string[]): StreamTurn {
  const decoder = new SseDecoder({ maxEventBytes: 1_000_000 });
  const inspection = new StreamInspection({
    usageIsOurs: false,
    maxDepth: 64,
    offers: () => true,
    maxHeldBytes: 1_000_000,
  });
  const decoded = decoder.push(Buffer.from(events.join("")));
  assert.ok(decoded.ok);
  const sent = decoded.value.map((one) => {
    const taken = inspection.take(one);
    assert.ok(taken.ok);
    return taken.value ?? Buffer.alloc(0);
  });
  const turn = decodeHeld(
    encodeHeld({
      v: 1,
      kind: "stream",
      status: 200,
      headers: {},
      choices: inspection.proposals.map(({ index, message, finishReason }) => ({
        index,
        message: { ...message },
        finish_reason: finishReason,
      })),
      naming: { ...inspection.naming },
      sent: Buffer.concat(sent).toString("utf8"),
      held: inspection.held.map(({ raw, choices, chunk }) => ({
        raw: raw.toString("utf8"),
        choices: [...choices],
        chunk: chunk === null ? null : { ...chunk },
      })),
    }),
  );
  assert.ok(turn.kind === "stream");
  return turn;
}

interface Fate {
  readonly dropped?: readonly (readonly [number, number])[];
  readonly edited?: readonly (readonly [number, number, string])[];
}

/** What the note was told of the text before it. */
const asked: (readonly [number, string])[] = [];

function fates({ dropped = [], edited = [] }: Fate = {}): Fates {
  asked.length = 0;
  return {
    dropped: new Set(dropped.map(([choice, position]) => placeKey({ choice, position }))),
    edited: new Map(edited.map(([choice, position, bytes]) => [placeKey({ choice, position }), bytes])),
    note: (choice, text) => {
      if (!dropped.some(([one]) => one === choice)) return null;
      asked.push([choice, text]);
      return ` NOTE ${choice}`;
    },
  };
}

/** What the client's SDK makes of a stream. */
async function assembled(body: string): Promise<readonly OpenAI.ChatCompletion.Choice[]> {
  const client = new OpenAI({
    apiKey: "x",
    maxRetries: 0,
    fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }),
  });
  const stream = client.chat.completions.stream({ model: "m", messages: [] });
  const completion = await stream.finalChatCompletion();
  return completion.choices;
}

interface AnswerChoice {
  readonly message: Readonly<Record<string, unknown>>;
  readonly finish_reason: string | null;
}

const choicesOf = (body: Buffer): readonly AnswerChoice[] => JSON.parse(body.toString()).choices;

const mail = call("send_email", '{"to":"a", "n": 1.50}', "c1");
const weather = call("get_weather", "{}", "c2");

describe("an answer in one piece", () => {
  test("goes out in its very bytes when all of it is approved as it came", () => {
    const turn = wholeTurn([{ message: { content: null, tool_calls: [mail] }, finish_reason: "tool_calls" }]);
    const odd: WholeTurn = { ...turn, body: `  ${turn.body}\n` };
    assert.equal(wholeAnswer(odd, fates()).toString(), odd.body);
  });

  test("has what is left of parallel calls, with the others' ids and bytes as they were", () => {
    const message = {
      role: "assistant",
      content: "Hm.",
      tool_calls: [mail, weather],
      reasoning_content: "why",
    };
    const turn = wholeTurn([{ message, finish_reason: "tool_calls" }], { vendor: { x: 1 } });
    const [choice] = choicesOf(wholeAnswer(turn, fates({ dropped: [[0, 0]] })));
    assert.deepEqual(choice, {
      message: { role: "assistant", content: "Hm. NOTE 0", reasoning_content: "why", tool_calls: [weather] },
      finish_reason: "tool_calls",
    });
    assert.deepEqual(asked, [[0, "Hm."]]);
    assert.deepEqual(JSON.parse(wholeAnswer(turn, fates({ dropped: [[0, 0]] })).toString()).vendor, { x: 1 });
  });

  test("ends with `stop` when nothing is left of its calls, and has words", () => {
    for (const content of [null, undefined, "", "Hm."]) {
      const message = {
        role: "assistant",
        ...(content === undefined ? {} : { content }),
        tool_calls: [mail],
      };
      const turn = wholeTurn([{ message, finish_reason: "tool_calls" }]);
      const [choice] = choicesOf(wholeAnswer(turn, fates({ dropped: [[0, 0]] })));
      assert.deepEqual(choice, {
        message: { role: "assistant", content: `${content ?? ""} NOTE 0` },
        finish_reason: "stop",
      });
    }
  });

  test("keeps content that is in parts, and says the rest in another part", () => {
    const parts = [
      { type: "text", text: "Hm." },
      { type: "refusal", refusal: "no" },
    ];
    const message = { role: "assistant", content: parts, tool_calls: [mail] };
    const turn = wholeTurn([{ message, finish_reason: "tool_calls" }]);
    const [choice] = choicesOf(wholeAnswer(turn, fates({ dropped: [[0, 0]] })));
    assert.deepEqual(choice?.message["content"], [...parts, { type: "text", text: " NOTE 0" }]);
    assert.deepEqual(asked, [[0, "Hm."]]);
  });

  test("has edited arguments in place of the model's, of every kind of call", () => {
    const custom = { id: "c3", type: "custom", custom: { name: "sql", input: "drop", extra: 1 } };
    const message = {
      role: "assistant",
      content: null,
      tool_calls: [{ ...mail, vendor: { signature: "s" } }, custom],
      function_call: { name: "old", arguments: "{}" },
    };
    const turn = wholeTurn([{ message, finish_reason: "tool_calls" }]);
    const edited = [
      [0, 0, '{"to":"b"}'],
      [0, 1, "select"],
      [0, 2, '{"a":1}'],
    ] as const;
    const [choice] = choicesOf(wholeAnswer(turn, fates({ edited })));
    assert.deepEqual(choice?.message, {
      role: "assistant",
      content: null,
      tool_calls: [
        { ...call("send_email", '{"to":"b"}', "c1"), vendor: { signature: "s" } },
        { ...custom, custom: { name: "sql", input: "select", extra: 1 } },
      ],
      function_call: { name: "old", arguments: '{"a":1}' },
    });
  });

  test("loses a legacy call alone, and keeps the reason with which the others end", () => {
    const message = {
      role: "assistant",
      content: null,
      tool_calls: [mail],
      function_call: { name: "old", arguments: "{}" },
    };
    const turn = wholeTurn([{ message, finish_reason: "function_call" }]);
    const [choice] = choicesOf(wholeAnswer(turn, fates({ dropped: [[0, 1]] })));
    assert.deepEqual(choice, {
      message: { role: "assistant", content: " NOTE 0", tool_calls: [mail] },
      finish_reason: "function_call",
    });
  });

  test("changes only the choices that it has to, whatever their order", () => {
    const said = {
      index: 2,
      message: { role: "assistant", content: "two" },
      finish_reason: "length",
      logprobs: { x: 1 },
    };
    const turn = wholeTurn([
      said,
      { index: 1, message: { content: "one", tool_calls: [mail] }, finish_reason: "tool_calls" },
      { index: 0, message: { content: "zero", tool_calls: [mail, weather] }, finish_reason: "tool_calls" },
    ]);
    const [two, one, zero] = choicesOf(
      wholeAnswer(turn, fates({ dropped: [[1, 0]], edited: [[0, 1, "[]"]] })),
    );
    assert.deepEqual(two, said);
    assert.deepEqual(one, { index: 1, message: { content: "one NOTE 1" }, finish_reason: "stop" });
    assert.deepEqual(zero?.message, {
      content: "zero",
      tool_calls: [mail, call("get_weather", "[]", "c2")],
    });
  });
});

const toolDelta = (at: number, name: string, args: string, id: string, choice = 0): string =>
  delta(
    { tool_calls: [{ index: at, id, type: "function", function: { name, arguments: args } }] },
    null,
    choice,
  );
const usage = event({
  id: "x",
  choices: [],
  usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
});
const two = [
  delta({ role: "assistant", content: "I will." }),
  toolDelta(0, "send_email", '{"to":', "c1"),
  delta({ tool_calls: [{ index: 0, function: { arguments: '"a"}' } }] }),
  toolDelta(1, "get_weather", "{}", "c2"),
  delta({}, "tool_calls"),
  usage,
  done,
];

describe("a stream", () => {
  test("goes on with the very events that were kept back when all of it is approved as it came", async () => {
    const turn = streamTurn(two);
    assert.equal(turn.sent, two[0]);
    assert.equal(streamTail(turn, fates()).toString(), two.slice(1).join(""));
    const [choice] = await assembled(two.join(""));
    assert.equal(choice?.message.tool_calls?.length, 2);
  });

  test("is put together by the client's SDK to what the whole answer would be", async () => {
    const turn = streamTurn(two);
    for (const fate of [
      { dropped: [[0, 0]] },
      { dropped: [[0, 1]] },
      {
        dropped: [
          [0, 0],
          [0, 1],
        ],
      },
      { edited: [[0, 0, '{"to":"b"}']] },
      { edited: [[0, 1, '{"in":"x"}']], dropped: [[0, 0]] },
    ] satisfies readonly Fate[]) {
      const tools = [call("send_email", '{"to":"a"}', "c1"), call("get_weather", "{}", "c2")];
      const message = { role: "assistant", content: "I will.", tool_calls: tools };
      const [whole] = choicesOf(
        wholeAnswer(wholeTurn([{ message, finish_reason: "tool_calls" }]), fates(fate)),
      );
      const body = `${turn.sent}${streamTail(turn, fates(fate))}`;
      const [choice] = await assembled(body);
      assert.equal(choice?.message.content, whole?.message["content"], JSON.stringify(fate));
      const got = choice?.message.tool_calls?.map((one) =>
        one.type === "function" ? call(one.function.name, one.function.arguments, one.id) : one,
      );
      assert.deepEqual(got, whole?.message["tool_calls"], JSON.stringify(fate));
      assert.equal(choice?.finish_reason, whole?.finish_reason);
      assert.ok(body.endsWith(`${usage}${done}`));
    }
  });

  test("keeps the text that came after its first tool call, with the call or not at all", async () => {
    const events = [
      delta({ role: "assistant", content: "I will. " }),
      toolDelta(0, "send_email", "{}", "c1"),
      delta({ content: "After it, " }),
      delta({ content: "more." }),
      delta({}, "tool_calls"),
      done,
    ];
    const turn = streamTurn(events);
    const [choice] = await assembled(`${turn.sent}${streamTail(turn, fates({ dropped: [[0, 0]] }))}`);
    assert.equal(choice?.message.content, "I will.  NOTE 0");
    assert.deepEqual(asked, [[0, "I will. "]]);
    const edit = fates({ edited: [[0, 0, '{"to":"b"}']] });
    const [edited] = await assembled(`${turn.sent}${streamTail(turn, edit)}`);
    assert.equal(edited?.message.content, "I will. After it, more.");
  });

  test("of several choices loses what was refused of one, and nothing of the others", async () => {
    const events = [
      delta({ role: "assistant", content: "zero" }, null, 0),
      delta({ role: "assistant", content: "one" }, null, 1),
      toolDelta(0, "send_email", "{}", "c1", 0),
      event({
        ...naming,
        choices: [
          { index: 0, delta: { content: "!" }, finish_reason: null },
          { index: 1, delta: { content: "?" }, finish_reason: null },
        ],
      }),
      delta({ content: " two" }, null, 1),
      delta({}, "tool_calls", 0),
      delta({}, "stop", 1),
      done,
    ];
    const turn = streamTurn(events);
    const body = `${turn.sent}${streamTail(turn, fates({ dropped: [[0, 0]] }))}`;
    const choices = (await assembled(body)).toSorted((a, b) => a.index - b.index);
    assert.deepEqual(
      choices.map(({ message, finish_reason }) => [message.content, message.tool_calls ?? [], finish_reason]),
      [
        ["zero NOTE 0", [], "stop"],
        ["one? two", [], "stop"],
      ],
    );
  });

  test("counts what is left of its calls from 0, also where a vendor numbers them", () => {
    const tools = [
      { index: 0, ...call("send_email", "{}", "c1") },
      { index: 1, ...call("get_weather", "{}", "c2") },
    ];
    const turn = wholeTurn([{ message: { content: null, tool_calls: tools }, finish_reason: "tool_calls" }]);
    const body = resumedStream(turn, 0, fates({ dropped: [[0, 0]] }), false).toString();
    const chunk = body.split("\n\n").find((one) => one.includes("get_weather")) ?? "";
    assert.equal(JSON.parse(chunk.slice("data: ".length)).choices[0].delta.tool_calls[0].index, 0);
  });

  test("has a legacy call in one chunk when it was edited", () => {
    const events = [
      delta({ function_call: { name: "old", arguments: "{}" } }),
      delta({}, "function_call"),
      done,
    ];
    const tail = streamTail(streamTurn(events), fates({ edited: [[0, 0, "[1]"]] })).toString();
    assert.match(tail, /"function_call":\{"name":"old","arguments":"\[1\]"\}/);
    assert.match(tail, /"finish_reason":"function_call"/);
  });

  test("gives its usage where that came beside what was refused", () => {
    const last = event({
      ...naming,
      choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }],
      usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
    });
    const turn = streamTurn([toolDelta(0, "send_email", "{}", "c1"), last, done]);
    const tail = streamTail(turn, fates({ dropped: [[0, 0]] })).toString();
    assert.match(tail, /"total_tokens":12/);
    assert.doesNotMatch(tail, /send_email/);
  });
});

describe("a turn that is resumed", () => {
  const whole = wholeTurn([
    { index: 0, message: { content: "zero", tool_calls: [mail] }, finish_reason: "tool_calls" },
    { index: 1, message: { content: "one", tool_calls: [weather] }, finish_reason: "tool_calls" },
  ]);

  test("is the choice that was gone on with, as the first and only one, without the text that is there already", async () => {
    const { choices, usage: spent } = JSON.parse(resumedWhole(whole, 1, fates()).toString());
    assert.deepEqual(choices, [
      {
        index: 0,
        message: { role: "assistant", content: null, tool_calls: [weather] },
        logprobs: null,
        finish_reason: "tool_calls",
      },
    ]);
    assert.equal(spent.total_tokens, 0);
    const [choice] = await assembled(resumedStream(whole, 1, fates(), true).toString());
    assert.equal(choice?.index, 0);
    assert.equal(choice?.message.content, null);
    assert.deepEqual(
      choice?.message.tool_calls?.map(({ id }) => id),
      ["c2"],
    );
  });

  test("of a stream is the same, and usage is told to whoever asks for it", async () => {
    const turn = streamTurn(two);
    const body = resumedStream(turn, 0, fates({ dropped: [[0, 1]] }), true).toString();
    assert.match(body, /"choices":\[\],"usage"/);
    assert.doesNotMatch(resumedStream(turn, 0, fates(), false).toString(), /usage/);
    const [choice] = await assembled(body);
    assert.equal(choice?.message.content, " NOTE 0");
    assert.deepEqual(
      choice?.message.tool_calls?.map(({ id }) => id),
      ["c1"],
    );
    const plain = JSON.parse(resumedWhole(turn, 0, fates({ dropped: [[0, 1]] })).toString());
    assert.equal(plain.choices[0].message.content, " NOTE 0");
  });

  test("keeps its number out of what names the answer, whatever a vendor calls it", () => {
    const odd = { ...whole, naming: { id: { choices: [{ index: 5 }] }, created: 7, model: "m" } };
    const [first = ""] = resumedStream(odd, 1, fates(), false).toString().split("\n\n");
    const chunk = JSON.parse(first.slice("data: ".length));
    assert.equal(chunk.id.choices[0].index, 5);
    assert.equal(chunk.choices[0].index, 0);
  });
});

describe("the text that was sent", () => {
  const decoded = (stream: string): string => {
    const events = new SseDecoder({ maxEventBytes: 10_000 }).push(Buffer.from(stream));
    assert.ok(events.ok);
    return Buffer.concat(events.value.map(({ raw }) => raw)).toString("utf8");
  };

  test("is that of its choice, however an upstream framed its events", () => {
    const chunk = (text: string, index = 0): object => ({ choices: [{ index, delta: { content: text } }] });
    const pretty = JSON.stringify(chunk("b"), null, 2)
      .split("\n")
      .map((line) => `data: ${line}\r\n`)
      .join("");
    const stream = [
      ": a comment\r\n\r\n",
      `event: message\r\nid: 7\r\ndata:${JSON.stringify(chunk("a"))}\r\n\r\n`,
      `${pretty}\r\n`,
      event(chunk("other", 1)),
      event({ choices: [{ message: { content: "\u2028c\n\ndata: {" } }] }),
      event({
        choices: [{ index: 0, delta: { content: null } }, { index: 0, delta: null }, 7, null, { index: 0 }],
      }),
      event({ choices: "none" }),
      event({}),
      event({ choices: [{ index: 0, delta: { content: ["x"] } }] }),
    ].join("");
    assert.equal(sentText(decoded(stream), 0), "ab\u2028c\n\ndata: {");
    assert.equal(sentText(decoded(stream), 1), "other");
    assert.equal(sentText("", 0), "");
  });
});

test("what is kept of a turn is read strictly", () => {
  assert.throws(() => decodeHeld(Buffer.from("{}")));
  assert.throws(() => decodeHeld(Buffer.from('{"v":2,"kind":"request"}')));
  assert.throws(() => decodeHeld(Buffer.from('{"v":1,"kind":"request","more":1}')));
  assert.ok(isObject(decodeHeld(encodeHeld({ v: 1, kind: "request" }))));
});
