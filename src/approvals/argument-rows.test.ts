import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ArgumentRow, changedValues, jsonRows } from "./argument-rows.ts";

function read(shown: string): string {
  return shown.replace(/<U\+([0-9A-F]+)>/g, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

/** The document that the rows were made of. */
function document(rows: readonly ArgumentRow[]): unknown {
  const root: { value?: unknown } = {};
  for (const { path, type, value } of rows) {
    let [holder, key]: [object, string | number] = [root, "value"];
    for (const [step, index, quoted, word] of path.matchAll(
      /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.[\]]+)/gs,
    )) {
      assert.ok(step.length > 0);
      const next =
        index === undefined
          ? quoted === undefined
            ? String(word)
            : String(JSON.parse(read(quoted)))
          : Number(index);
      if (!Object.hasOwn(holder, key)) put(holder, key, typeof next === "number" ? [] : {});
      [holder, key] = [Object(Reflect.get(holder, key)), next];
    }
    put(holder, key, type === "string" ? read(value) : JSON.parse(value));
  }
  return root.value;
}

function put(holder: object, key: string | number, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

test("the table of a document is all of the document", () => {
  const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "a.b", '["x"]', "to", "", "0", "\u202e"));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (given) => {
      const text = JSON.stringify(given);
      const rows = jsonRows(text);
      assert.ok(rows !== null);
      assert.equal(JSON.stringify(document(rows)), JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 1_000 },
  );
});

test("paths name keys as they are, and numbers stand as they were written", () => {
  assert.deepEqual(
    jsonRows(
      '{"to":[{"name":"Ana"}],"a.b":1e3,"n":9007199254740993,"x\\u200b":null,"e":{},"l":[],"t":true}',
    )?.map(({ path, type, value }) => [path, type, value]),
    [
      ["to[0].name", "string", "Ana"],
      ['["a.b"]', "number", "1e3"],
      ["n", "number", "9007199254740993"],
      ['["x<U+200B>"]', "null", "null"],
      ["e", "object", "{}"],
      ["l", "array", "[]"],
      ["t", "boolean", "true"],
    ],
  );
});

test("what can be read in two ways, or is far more as a table than as text, is no table", () => {
  for (const text of [
    '{"a":1,"a":2}',
    "{",
    "[".repeat(100) + "]".repeat(100),
    `[${"0,".repeat(30_000)}0]`,
    `{"${"k".repeat(500_000)}":[${"0,".repeat(10_000)}0]}`,
  ]) {
    assert.equal(jsonRows(text), null, text.slice(0, 20));
  }
});

test("an edit shows what it changed, added and took away", () => {
  const rows = (text: string): readonly ArgumentRow[] => jsonRows(text) ?? [];
  assert.deepEqual(changedValues(rows('{"a":1,"b":"x","c":"1"}'), rows('{"a":1,"c":1,"d":[2]}')), [
    { path: "b", before: '"x"', after: null },
    { path: "c", before: '"1"', after: "1" },
    { path: "d[0]", before: null, after: "2" },
  ]);
});
