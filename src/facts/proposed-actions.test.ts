import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { argumentRecord } from "./argument-schema.ts";
import { describeAction, type ProposedAction, proposedActions } from "./proposed-actions.ts";

function only(message: Readonly<Record<string, unknown>>): ProposedAction {
  const [action, ...others] = proposedActions(0, message);
  assert.ok(action !== undefined && others.length === 0);
  return action;
}

function called(argumentBytes: unknown, name: unknown = "f"): ProposedAction {
  return only({ tool_calls: [{ id: "c", type: "function", function: { name, arguments: argumentBytes } }] });
}

/** The reason why it cannot be described, or `fine`. */
function verdict(action: ProposedAction): string {
  const described = describeAction(action, null);
  return described.ok ? "fine" : described.failure.detail;
}

test("tool calls of every kind come out in order, with their exact bytes", () => {
  const message = {
    role: "assistant",
    content: "ok",
    tool_calls: [
      { id: "c1", type: "function", function: { name: "a", arguments: '{ "x" : 1.0 }' } },
      { id: "c2", type: "custom", custom: { name: "b", input: "rm -rf" } },
      { function: { name: "c" } },
    ],
    function_call: { name: "d", arguments: "{}" },
  };
  assert.deepEqual(
    proposedActions(3, message).map(({ choice, position, id, kind, tool, argumentBytes, malformed }) => [
      choice,
      position,
      id,
      kind,
      tool,
      argumentBytes,
      malformed,
    ]),
    [
      [3, 0, "c1", "function", "a", '{ "x" : 1.0 }', null],
      [3, 1, "c2", "custom", "b", "rm -rf", null],
      [3, 2, null, "function", "c", "", null],
      [3, 3, null, "legacy", "d", "{}", null],
    ],
  );
});

test("a message that proposes nothing has no actions", () => {
  for (const message of [{}, { tool_calls: null, function_call: null }, { tool_calls: [], content: "hi" }]) {
    assert.deepEqual(proposedActions(0, message), []);
  }
});

test("whatever is shaped like a proposal and cannot be read is an action that cannot be described", () => {
  const f = { name: "f", arguments: "{}" };
  for (const message of [
    { tool_calls: {} },
    { tool_calls: "f" },
    { tool_calls: [null] },
    { tool_calls: [[]] },
    { tool_calls: [{}] },
    { tool_calls: [{ type: "function" }] },
    { tool_calls: [{ type: "mcp", function: f }] },
    { tool_calls: [{ type: 5, function: f }] },
    { tool_calls: [{ id: 5, function: f }] },
    { tool_calls: [{ type: "function", function: f, custom: { name: "g", input: "" } }] },
    { tool_calls: [{ type: "custom", function: f }] },
    { tool_calls: [{ function: { name: 5, arguments: "{}" } }] },
    { tool_calls: [{ function: { name: "", arguments: "{}" } }] },
    { tool_calls: [{ function: { name: "f".repeat(257), arguments: "{}" } }] },
    { tool_calls: [{ function: { name: "f", arguments: {} } }] },
    { tool_calls: [{ custom: { name: "f", input: [] } }] },
    { function_call: "f" },
    { function_call: [] },
    { function_call: { arguments: "{}" } },
  ]) {
    assert.notEqual(verdict(only(message)), "fine", JSON.stringify(message));
    assert.equal(only(message).kind, "unknown");
  }
});

test("arguments are one strict I-JSON object", () => {
  for (const text of [
    "",
    "{}",
    ' {"a":[1,-2.5,"x",null,true,{"b":0.1}]} ',
    '{"n":9007199254740991}',
    '{"__proto__":1}',
  ]) {
    assert.equal(verdict(called(text)), "fine", text);
  }
  for (const text of [
    " ",
    "null",
    "[]",
    '"a"',
    "{",
    "{}{}",
    "{'a':1}",
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '{"a":"\\ud800"}',
    '{"a":"\ud800"}',
    '{"n":9007199254740993}',
    '{"n":1e20}',
    '{"n":0.1000000000000000055511151231257827}',
    '{"n":1e999}',
    '{"n":1e-999}',
    '{"__entity":{"type":"User","id":"x"}}',
    '{"a":[{"b":{"__extn":1}}]}',
    '{"\\u005f_entity":1}',
    '{"__expr":""}',
    `{"a":${"[".repeat(100)}${"]".repeat(100)}}`,
  ]) {
    assert.match(verdict(called(text)), /^the arguments of `f` cannot be described: /, text);
  }
});

test("a custom tool's input is any text", () => {
  const action = only({ tool_calls: [{ type: "custom", custom: { name: "shell", input: '{"a":1,"a":' } }] });
  assert.equal(verdict(action), "fine");
});

test("of a tool whose parameters are stated the arguments are facts, and free text is none of them", () => {
  const type = argumentRecord({ type: "object", properties: { to: { type: "string" } } });
  const described = describeAction(called('{"to":"ann@example.com"}'), type);
  assert.deepEqual(described.ok && described.value, {
    labels: ["pii.email"],
    arguments: { to: "ann@example.com" },
  });
  const refused = describeAction(called('{"to":5}'), type);
  assert.equal(
    refused.ok ? "" : refused.failure.detail,
    "the arguments of `f` cannot be described: `to` is not text",
  );
  const custom = only({ tool_calls: [{ type: "custom", custom: { name: "f", input: '{"to":"a"}' } }] });
  assert.equal(describeAction(custom, null).ok, true);
  assert.equal(describeAction(custom, type).ok, false);
});

test("arguments have labels of their own, also when they are spelled with escapes", () => {
  const labels = (text: string) => {
    const described = describeAction(called(text), null);
    return described.ok ? described.value.labels : null;
  };
  assert.deepEqual(labels('{"to":"ann@example.com","key":"\\u0041KIAIOSFODNN7EXAMPLE"}'), [
    "pii.email",
    "secret.aws_key",
  ]);
  assert.deepEqual(labels("{}"), []);
});

test("hundreds of thousands of members are walked without the stack", () => {
  assert.equal(verdict(called(`{"a":[${"{},".repeat(300_000)}{}]}`)), "fine");
});

test("no message makes it throw", () => {
  const keys = fc.constantFrom(
    "tool_calls",
    "function_call",
    "id",
    "type",
    "function",
    "custom",
    "name",
    "arguments",
    "input",
  );
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, 1, "function", "custom", "{}", ""),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(fc.dictionary(keys, value), (message) => {
      for (const action of proposedActions(0, message)) describeAction(action, null);
      const calls = message["tool_calls"] ?? null;
      const expected =
        (Array.isArray(calls) ? calls.length : Number(calls !== null)) +
        Number((message["function_call"] ?? null) !== null);
      assert.equal(proposedActions(0, message).length, expected);
    }),
    { numRuns: 1000 },
  );
});
