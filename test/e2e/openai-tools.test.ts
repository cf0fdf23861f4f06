// Tool calls through the gate: what may go is released as the model wrote it, what may not never reaches the client.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { type AimockGate, chatBytes, models, startAimockGate } from "./aimock-gate.ts";
import { completionOf, leavesOf, readTrail } from "./trail.ts";

type Tool = OpenAI.ChatCompletionFunctionTool;
type Asked = Pick<OpenAI.ChatCompletionCreateParamsNonStreaming, "messages" | "tools">;

/** As RFC 8785 writes it, by hand: what the pin is over. */
const weatherDefinition =
  '{"description":"The weather of a city","name":"get_weather","parameters":{"properties":{"city":{"type":"string"},"days":{"minimum":0.5,"type":"number"}},"type":"object"}}';
const weather: Tool = { type: "function", function: JSON.parse(weatherDefinition) };
const drifted: Tool = {
  type: "function",
  function: { ...weather.function, description: "The weather of a city, and orders an umbrella" },
};
const room: Tool = { type: "function", function: { name: "book_room" } };
const email: Tool = { type: "function", function: { name: "send_email" } };

const catalog = `tools:
  get_weather:
    effect: read
    digest: "sha256:${createHash("sha256").update(weatherDefinition).digest("hex")}"
  book_room: { effect: write, unattended: "rooms cost nothing" }
  send_email: { effect: write }
`;

let it: AimockGate;
before(async () => {
  it = await startAimockGate(catalog);
});
after(() => it.close());

function asks(content: string, ...tools: Tool[]): Asked {
  return { messages: [{ role: "user", content }], tools };
}

/** Whole and streamed: the gate's bytes are aimock's own, and the SDK makes the same calls of them. */
async function assertReleased(asked: Asked): Promise<readonly OpenAI.ChatCompletionMessageToolCall[]> {
  for (const mode of [{}, { stream: true }, { stream: true, stream_options: { include_usage: true } }]) {
    const passed = await chatBytes(it.gate, models.gate, { ...asked, ...mode });
    const direct = await chatBytes(it.direct, models.direct, { ...asked, ...mode });
    assert.equal(direct.status, 200, direct.text);
    assert.deepEqual(passed, direct, JSON.stringify(mode));
  }
  const assembled = await it.gate.chat.completions
    .stream({ ...asked, model: models.gate })
    .finalChatCompletion();
  const direct = await it.direct.chat.completions.create({ ...asked, model: models.direct });
  const proposed = direct.choices[0]?.message.tool_calls ?? [];
  assert.deepEqual(assembled.choices[0]?.message.tool_calls?.map(parts), proposed.map(parts));
  return proposed;
}

/** Without what the SDK's stream helper adds: its own reading of the arguments. */
function parts(call: OpenAI.ChatCompletionMessageToolCall): readonly string[] {
  return call.type === "function"
    ? [call.id, call.type, call.function.name, call.function.arguments]
    : [call.id, call.type, call.custom.name, call.custom.input];
}

/** Whole: 403. Streamed: a message in place of the calls. `never` reaches the client in neither. */
async function assertDenied(asked: Asked, never: RegExp): Promise<void> {
  await assert.rejects(
    it.gate.chat.completions.create({ ...asked, model: models.gate }),
    (fault: unknown) => {
      assert.ok(fault instanceof OpenAI.PermissionDeniedError);
      assert.equal(fault.code, "tool_call_denied");
      return true;
    },
  );
  await assertReplaced(asked, never, /\[Portcullis\] The tool call `.*` was withheld/, "withheld");
}

/** A message in place of the calls, whole and streamed. */
async function assertWaits(asked: Asked, never: RegExp, said = /^/): Promise<string> {
  const whole = await it.gate.chat.completions.create({ ...asked, model: models.gate, seed: 1 });
  const [choice] = whole.choices;
  assert.match(choice?.message.content ?? "", said);
  assert.equal(choice?.message.tool_calls, undefined);
  const waits = /\[Portcullis\] The tool call `.*` waits for a sign-off/;
  assert.match(choice?.message.content ?? "", waits);
  return assertReplaced(asked, never, waits, "held", said);
}

async function assertReplaced(
  asked: Asked,
  never: RegExp,
  words: RegExp,
  outcome: string,
  said = /^/,
): Promise<string> {
  // The same request once more would get what the one before it left waiting.
  for (const mode of [{ seed: 2 }, { seed: 3, stream: true }]) {
    assert.doesNotMatch((await chatBytes(it.gate, models.gate, { ...asked, ...mode })).text, never);
  }
  const { data: stream, response } = await it.gate.chat.completions
    .create({ ...asked, model: models.gate, stream: true, seed: 4 })
    .withResponse();
  let content = "";
  let finish = "";
  for await (const chunk of stream) {
    assert.equal(chunk.choices[0]?.delta.tool_calls, undefined);
    content += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assert.match(content, said);
  assert.match(content, words);
  assert.equal(finish, "stop");
  const call = response.headers.get("x-portcullis-call");
  assert.equal((await completionOf(it.gateway, call))?.outcome, outcome);
  return call ?? "";
}

test("a pinned read is released, whole and streamed, with the very id and argument bytes of the model", async () => {
  const [call] = await assertReleased(asks("the weather in Bern?", weather));
  assert.deepEqual(call, {
    id: "call_bern",
    type: "function",
    function: {
      name: "get_weather",
      arguments: '{ "city" :"B\\u0065rn",\n\t"days": 3.0, "note":"é✓" }',
    },
  });
});

test("parallel calls are released together, in order, with the text before them", async () => {
  const calls = await assertReleased(asks("the weather in two cities", weather, room));
  assert.deepEqual(
    calls.map((call) => call.id),
    ["call_basel", "call_room", "call_zug"],
  );
});

test("a write that is unattended is released, and why it may be is on record with every use", async () => {
  const { response } = await it.gate.chat.completions
    .create({ ...asks("the weather in two cities", weather, room), model: models.gate })
    .withResponse();
  const call = response.headers.get("x-portcullis-call");
  const actions = leavesOf(await readTrail(it.gateway), "action.decided").filter(
    (leaf) => leaf.call === call,
  );
  assert.deepEqual(
    actions.map(({ tool, effect, effect_basis, unattended, decision }) => [
      tool,
      effect,
      effect_basis,
      unattended,
      decision,
    ]),
    [
      ["get_weather", "read", "catalog", false, "permit"],
      ["book_room", "write", "catalog", true, "permit"],
      ["get_weather", "read", "catalog", false, "permit"],
    ],
  );
  assert.ok(actions[1]?.reasons.includes("rooms cost nothing"));
});

test("the second turn takes the tool's result and ends in words", async () => {
  for (const stream of [false, true]) {
    const { messages, tools } = asks("the weather in Bern?", weather);
    const asked = { messages, ...(tools === undefined ? {} : { tools }), model: models.gate };
    const first = await it.gate.chat.completions.create(asked);
    const proposed = first.choices[0]?.message;
    assert.ok(proposed?.tool_calls?.[0] !== undefined);
    messages.push(proposed, {
      role: "tool",
      tool_call_id: proposed.tool_calls[0].id,
      content: '{"sky":"clear"}',
    });
    const second = stream
      ? await it.gate.chat.completions.stream({ messages, model: models.gate }).finalChatCompletion()
      : await it.gate.chat.completions.create({ messages, model: models.gate });
    assert.equal(second.choices[0]?.message.content, "It is sunny in Bern.");
    assert.deepEqual((await it.aimock.lastBody())["messages"], JSON.parse(JSON.stringify(messages)));
  }
});

test("a pinned tool whose description has drifted waits, and one that the client never offered gets to nobody", async () => {
  const never = /call_bern|tool_calls|u0065rn/;
  // Of a stream without tools nothing is kept that could wait.
  const unkept = /\[Portcullis\] The tool call `get_weather` was withheld: the request offered no tool/;
  for (const tools of [[drifted], []]) {
    const asked = asks("the weather in Bern?", ...tools);
    const call =
      tools.length > 0
        ? await assertWaits(asked, never)
        : await assertReplaced(asked, never, unkept, "withheld");
    const [action] = leavesOf(await readTrail(it.gateway), "action.decided").filter(
      (leaf) => leaf.call === call,
    );
    assert.deepEqual([action?.effect, action?.effect_basis, action?.decision], ["write", "drift", "hold"]);
  }
});

test("one write among the calls keeps them all waiting, and the text before them flows", async () => {
  await assertWaits(
    asks("the weather and mail it", weather, email),
    /call_mail|call_look|secret-recipient|Chur/,
    /^I will look and write\./,
  );
});

test("a tool call that was cut off is never released, though its tool only reads", async () => {
  await assertDenied(asks("the weather, cut off", weather), /call_cut|Genf/);
});

test("a stream that breaks off within a tool call gives nothing of it away", async () => {
  const asked = { ...asks("the weather, breaking off", weather), stream: true };
  const passed = await chatBytes(it.gate, models.gate, asked);
  assert.match(passed.text, /"code":"upstream_invalid"/);
  assert.doesNotMatch(passed.text, /call_broken|Lausanne|get_weather|\[DONE\]/);
});
