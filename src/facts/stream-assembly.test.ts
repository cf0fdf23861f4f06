import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeAction, proposedActions } from "./proposed-actions.ts";
import { ChoiceAssembly } from "./stream-assembly.ts";

type Delta = Readonly<Record<string, unknown>>;

const offered = new Set(["send_email", "search", "read", "write"]);

function assembled(
  deltas: readonly Delta[],
  offers: (tool: string) => boolean = (tool) => offered.has(tool),
): ChoiceAssembly {
  const assembly = new ChoiceAssembly(10_000, offers);
  for (const delta of deltas) assert.ok(assembly.push(delta).ok);
  return assembly;
}

/** Each action as `tool(arguments)`, or as what is wrong with it. */
function actions(...deltas: readonly Delta[]): string[] {
  return proposedActions(0, assembled(deltas).message()).map(
    ({ tool, argumentBytes, malformed }) => malformed ?? `${tool}(${argumentBytes})`,
  );
}

const call = (index: unknown, fields: Delta): Delta => ({ tool_calls: [{ index, ...fields }] });
const part = (index: unknown, text: string, more: Delta = {}): Delta =>
  call(index, { ...more, function: { arguments: text } });
const begin = (index: unknown, id: unknown, name: unknown, text = ""): Delta =>
  call(index, { id, type: "function", function: { name, arguments: text } });

test("OpenAI: a call begins with id and name, and its arguments follow in pieces", () => {
  const deltas = [
    { role: "assistant", content: null },
    begin(0, "call_1", "send_email"),
    part(0, '{"to":'),
    part(0, '"é"}'),
  ];
  assert.deepEqual(actions(...deltas), ['send_email({"to":"é"})']);
  const [action] = proposedActions(0, assembled(deltas).message());
  assert.equal(action?.id, "call_1");
  assert.ok(action !== undefined && describeAction(action, null).ok);
});

test("parallel calls may be interleaved", () => {
  assert.deepEqual(
    actions(
      begin(0, "a", "search"),
      begin(1, "b", "send_email"),
      part(1, "{"),
      part(0, '{"q":1'),
      part(1, "}"),
      part(0, "}"),
    ),
    ['search({"q":1})', "send_email({})"],
  );
});

test("whole calls in one delta, without indices, are calls of their own", () => {
  const both = (index: object) => ({
    tool_calls: [
      { ...index, id: "a", type: "function", function: { name: "search", arguments: "{}" } },
      { ...index, id: "b", type: "function", function: { name: "search", arguments: '{"q":1}' } },
    ],
  });
  assert.deepEqual(actions(both({})), ["search({})", 'search({"q":1})']);
  assert.deepEqual(actions(both({ index: null })), ["search({})", 'search({"q":1})']);
  const nameless = [
    {
      tool_calls: [
        { function: { name: "search", arguments: "{}" } },
        { function: { name: "read", arguments: "{}" } },
      ],
    },
  ];
  assert.deepEqual(actions(...nameless), ["search({})", "read({})"]);
});

test("without an index the id says which call a part belongs to, and the only call needs none", () => {
  assert.deepEqual(
    actions(
      begin(undefined, "a", "search"),
      begin(undefined, "b", "read"),
      part(undefined, "{}", { id: "a" }),
      part(undefined, "{} ", { id: "b" }),
    ),
    ["search({})", "read({} )"],
  );
  assert.deepEqual(actions(begin(undefined, "a", "search"), part(undefined, "{}")), ["search({})"]);
  assert.deepEqual(actions(begin(0, "a", "search"), part(undefined, "{}", { id: "a" })), ["search({})"]);
});

test("a part that could be of several calls makes the answer ambiguous", () => {
  const two = [begin(undefined, "a", "search"), begin(undefined, "b", "read")];
  assert.match(actions(...two, part(undefined, "{}")).join(), /which tool call/);
  assert.match(actions(begin("0", "a", "search")).join(), /which tool call/);
  assert.match(actions(begin(-1, "a", "search")).join(), /which tool call/);
});

test("a name that is repeated with every part is not doubled", () => {
  const repeated = [begin(0, "a", "search", "{"), begin(0, "a", "search", "}")];
  assert.deepEqual(actions(...repeated), ["search({})"]);
  const unknown = proposedActions(0, assembled(repeated, () => true).message());
  assert.match(unknown[0]?.malformed ?? "", /more than one way/);
});

test("a name may come in pieces or grow", () => {
  assert.deepEqual(
    actions(begin(0, "a", "send_"), call(0, { function: { name: "email", arguments: "{}" } })),
    ["send_email({})"],
  );
  assert.deepEqual(actions(begin(0, "a", "send"), begin(0, "a", "send_email", "{}")), ["send_email({})"]);
  assert.deepEqual(actions(begin(0, "a", "foo"), begin(0, "a", "bar", "{}")), ["foobar({})"]);
});

test("a name that some client would read as another tool is refused", () => {
  // Joined it is `search`; a client that keeps the last part would run `write`.
  assert.match(actions(begin(0, "a", "search"), begin(0, "a", "write")).join(), /more than one way/);
  assert.match(actions(begin(0, "a", "read"), begin(0, "a", "x")).join(), /more than one way/);
  const doubled = assembled(
    [begin(0, "a", "go"), begin(0, "a", "go")],
    (tool) => tool === "go" || tool === "gogo",
  );
  assert.match(proposedActions(0, doubled.message())[0]?.malformed ?? "", /more than one way/);
});

test("a new id with every part is harmless, two named calls under one index are not", () => {
  assert.deepEqual(actions(begin(0, "a", "search", "{"), part(0, "}", { id: "b" })), ["search({})"]);
  assert.deepEqual(actions(begin(0, "a", "search", "{"), part(0, "}", { id: "" })), ["search({})"]);
  assert.match(actions(begin(0, "a", "search", "{}"), begin(0, "b", "search", "{}")).join(), /same index/);
});

test("the legacy `function_call` and custom tools are put together too", () => {
  assert.deepEqual(
    actions({ function_call: { name: "search", arguments: "" } }, { function_call: { arguments: "{}" } }),
    ["search({})"],
  );
  const custom = [
    call(0, { id: "a", type: "custom", custom: { name: "read", input: "x" } }),
    call(0, { custom: { input: "y" } }),
  ];
  assert.deepEqual(actions(...custom), ["read(xy)"]);
  assert.equal(proposedActions(0, assembled(custom).message())[0]?.kind, "custom");
});

test("deltas that do not fit together are never a call that could be released", () => {
  for (const deltas of [
    [{ tool_calls: {} }],
    [{ tool_calls: [5] }],
    [{ tool_calls: [null] }],
    [call(0, { function: "search" })],
    [call(0, { function: { name: 5 } })],
    [call(0, { function: { name: "search", arguments: {} } })],
    [begin(0, 7, "search", "{}")],
    [begin(0, "a", "search", "{}"), call(0, { custom: { input: "x" } })],
    [call(0, { function: { name: "search" }, custom: { name: "read" } })],
    [begin(0, "a", "search", "{}"), call(0, { type: "custom" })],
    [call(0, { type: "mcp", function: { name: "search", arguments: "{}" } })],
    [part(0, "{}")],
    [call(0, {})],
    [{ function_call: 5 }],
    [{ function_call: {} }],
    [{ function_call: { name: "search", arguments: 5 } }],
  ]) {
    const assembly = assembled(deltas);
    assert.equal(assembly.hasToolDelta, true, JSON.stringify(deltas));
    const proposed = proposedActions(0, assembly.message());
    assert.ok(
      proposed.length > 0 && proposed.some((action) => !describeAction(action, null).ok),
      JSON.stringify(deltas),
    );
  }
});

test("text alone is no tool call, and is counted", () => {
  const assembly = assembled([
    { content: "é" },
    { refusal: "ab" },
    { tool_calls: [] },
    { tool_calls: null, function_call: null },
  ]);
  assert.equal(assembly.hasToolDelta, false);
  assert.equal(assembly.outputBytes, 4);
  assert.deepEqual(proposedActions(0, assembly.message()), []);
});

test("what is kept is bounded, and text that is not kept does not count", () => {
  const assembly = new ChoiceAssembly(1000);
  assert.ok(assembly.push({ content: "x".repeat(5000) }).ok);
  assert.ok(assembly.push(begin(0, "a", "search", "x".repeat(700))).ok);
  assert.ok(!assembly.push(part(0, "x".repeat(400))).ok);
  const empty = new ChoiceAssembly(1000);
  const results = Array.from({ length: 5 }, (_, index) => empty.push(call(index, {})).ok);
  assert.ok(results.includes(false));
});

test("however a call is cut into deltas, it comes together as it was", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 6 }), { maxLength: 12 }),
      fc.array(fc.string(), { maxLength: 6 }),
      (one, other) => {
        const deltas: Delta[] = [begin(0, "a", "search"), begin(1, "b", "read")];
        for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
          if (one[at] !== undefined) deltas.push(part(0, one[at] ?? ""));
          if (other[at] !== undefined) deltas.push(part(1, other[at] ?? ""));
        }
        assert.deepEqual(actions(...deltas), [`search(${one.join("")})`, `read(${other.join("")})`]);
      },
    ),
  );
});
