import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type JsonEdit, spliceJson } from "./json-splice.ts";
import { parseStrictJson } from "./strict-json.ts";

function spliced(before: string, ...edits: readonly JsonEdit[]): string {
  const document = Buffer.from(before);
  const json = parseStrictJson(document, 64);
  assert.ok(json.ok);
  return spliceJson(document, json.value, edits).toString();
}

test("splices change the bytes they name and no others", () => {
  assert.equal(
    spliced(
      '{ "é": 1.50, "mod\\u0065l" : "fast" , "n":1e0, "stream_options": { "x": 1 } }\n',
      { kind: "set_in", member: "stream_options", key: "include_usage", text: "true" },
      { kind: "replace", member: "model", text: '"gpt"' },
    ),
    '{ "é": 1.50, "mod\\u0065l" : "gpt" , "n":1e0, "stream_options": {"include_usage":true, "x": 1 } }\n',
  );
});

test("a member is found by what its key means, however it is escaped", () => {
  assert.equal(
    spliced('{"\\u006d\\u006f\\u0064\\u0065\\u006c":null}', { kind: "replace", member: "model", text: "1" }),
    '{"\\u006d\\u006f\\u0064\\u0065\\u006c":1}',
  );
});

test("a member inside an object is made, changed in its place, or the object is made with it", () => {
  const edit = { kind: "set_in", member: "o", key: "k", text: "true" } as const;
  for (const [before, after] of [
    ["{}", '{"o":{"k":true}}'],
    ["{ }", '{"o":{"k":true} }'],
    ['{"a":1}', '{"o":{"k":true},"a":1}'],
    ['{"o":null}', '{"o":{"k":true}}'],
    ['{"o": {} }', '{"o": {"k":true} }'],
    ['{"o":{"k":false,"z":2.0}}', '{"o":{"k":true,"z":2.0}}'],
    ['{"o":{"z":{"k":1}, "\\u006b" : [1] }}', '{"o":{"z":{"k":1}, "\\u006b" : true }}'],
  ] as const) {
    assert.equal(spliced(before, edit), after);
  }
});

test("several members can be added at once, to an empty object too", () => {
  const edits = [
    { kind: "insert", member: "a", text: "1" },
    { kind: "set_in", member: "o", key: "k", text: "[]" },
  ] as const;
  assert.equal(spliced("{}", ...edits), '{"a":1,"o":{"k":[]}}');
  assert.equal(spliced(' {"z":0}', ...edits), ' {"a":1,"o":{"k":[]},"z":0}');
});

test("an edit that does not fit the document is a bug in the caller", () => {
  const replace = { kind: "replace", member: "a", text: "1" } as const;
  assert.throws(() => spliced("{}", replace), TypeError);
  assert.throws(() => spliced('{"a":0}', { kind: "insert", member: "a", text: "1" }), TypeError);
  assert.throws(() => spliced('{"a":[]}', { kind: "set_in", member: "a", key: "k", text: "1" }), TypeError);
  assert.throws(() => spliced('{"a":0}', replace, replace), TypeError);
  assert.throws(() => spliced("[]", replace), TypeError);
});

test("an edited document parses to what the same edit of the parsed object gives", () => {
  const key = fc.oneof(fc.constantFrom("model", "__proto__", "a\nb", "ü"), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.jsonValue()),
      key,
      fc.jsonValue(),
      fc.boolean(),
      (object, member, value, spaced) => {
        const before = JSON.stringify(object, null, spaced ? 1 : undefined);
        const json = parseStrictJson(Buffer.from(before), 64);
        if (!json.ok) return;
        const kind = json.value.members?.has(member) === true ? "replace" : "insert";
        const after = spliced(before, { kind, member, text: JSON.stringify(value) });
        const expected = new Map(Object.entries(object)).set(member, value);
        const found: unknown = JSON.parse(after);
        assert.ok(typeof found === "object" && found !== null);
        assert.deepEqual(
          Object.entries(found).sort(byKey),
          [...expected].map(([name, held]) => [name, JSON.parse(JSON.stringify(held))] as const).sort(byKey),
        );
      },
    ),
  );
});

function byKey(one: readonly [string, unknown], other: readonly [string, unknown]): number {
  return one[0] < other[0] ? -1 : 1;
}
