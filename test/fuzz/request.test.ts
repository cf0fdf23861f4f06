import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { spliceJson } from "../../src/core/json-splice.ts";
import { parseStrictJson, type StrictJson } from "../../src/core/strict-json.ts";
import { parseChatRequest } from "../../src/facts/chat-request.ts";
import { campaign } from "./campaign.ts";
import { mutated } from "./mutate.ts";

const requests = [
  { model: "demo/assistant", messages: [{ role: "user", content: "hello" }] },
  {
    model: "fast",
    stream: true,
    stream_options: { include_usage: false },
    n: 2,
    temperature: 0.2,
    messages: [
      { role: "system", content: "be brief" },
      {
        role: "user",
        content: [
          { type: "text", text: "what is this? ü 😀" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        ],
      },
      {
        role: "assistant",
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "42" },
    ],
    tools: [
      {
        type: "function",
        function: { name: "f", description: "d", parameters: { type: "object", properties: {} } },
      },
    ],
    tool_choice: { type: "function", function: { name: "f" } },
    response_format: { type: "json_schema", json_schema: { name: "x", schema: {}, strict: true } },
    user: "ada",
    max_completion_tokens: 100,
  },
].map((request) => Buffer.from(JSON.stringify(request)));
const [first = Buffer.from("{}"), ...others] = requests;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

test("whatever a request holds is read in one way or refused, and forwarded as it was read", (t) => {
  campaign(t, (random) => {
    const body = mutated(random, [first, ...others]);
    const json = parseStrictJson(body, 64);
    if (!json.ok) return;
    const value: unknown = JSON.parse(decoder.decode(body));
    assert.ok(isDeepStrictEqual(json.value.value, value));
    assert.equal(keysWritten(decoder.decode(body)), keysOf(value), "a key that stands twice is dropped");
    assertSpans(body, json.value, value);
    const read = parseChatRequest(json.value, body);
    if (read.ok) assertForwarded(body, json.value, value);
  });
});

/** Of a text that is JSON: strings with a colon behind them. */
function keysWritten(text: string): number {
  let keys = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (colon !== undefined) keys += 1;
  return keys;
}

function keysOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const members: readonly unknown[] = Object.values(value);
  return members.reduce<number>(
    (sum, member) => sum + keysOf(member),
    Array.isArray(value) ? 0 : members.length,
  );
}

function assertSpans(body: Buffer, { members }: StrictJson, value: unknown): void {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  assert.equal(members !== null, isObject);
  if (members === null || !isObject) return;
  assert.deepEqual([...members.keys()].toSorted(), Object.keys(value).toSorted());
  for (const [name, { start, end }] of members) {
    const member: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
    assert.ok(isDeepStrictEqual(JSON.parse(decoder.decode(body.subarray(start, end))), member), name);
  }
}

/** The two edits that a call may get change what they name and nothing else. */
function assertForwarded(body: Buffer, json: StrictJson, value: unknown): void {
  const edited = spliceJson(body, json, [
    { kind: "replace", member: "model", text: '"other/model"' },
    { kind: "set_in", member: "stream_options", key: "include_usage", text: "true" },
  ]);
  const again = parseStrictJson(edited, 64);
  assert.ok(again.ok);
  assert.ok(typeof value === "object" && value !== null);
  const options = Object.getOwnPropertyDescriptor(value, "stream_options")?.value;
  // Spread, since assigning a key `__proto__` would change what the object is.
  const expected = { ...value };
  Object.defineProperty(expected, "model", { ...plain, value: "other/model" });
  const asked = { ...options };
  Object.defineProperty(asked, "include_usage", { ...plain, value: true });
  Object.defineProperty(expected, "stream_options", { ...plain, value: asked });
  assert.ok(isDeepStrictEqual(entriesOf(again.value.value), entriesOf(expected)), edited.toString());
}

const plain = { enumerable: true, configurable: true, writable: true };

/** Independent of the order of members, and of what a key `__proto__` does to an object. */
function entriesOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(entriesOf);
  return Object.entries(value)
    .map(([name, member]) => [name, entriesOf(member)] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}
