import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ArgumentType, argumentFault } from "../core/argument-type.ts";
import { argumentRecord, opaqueMembers } from "./argument-schema.ts";
import { readArguments } from "./arguments.ts";
import { isObject } from "./json-shape.ts";

/** The type of a member with this schema. */
function typed(schema: unknown): ArgumentType | undefined {
  return argumentRecord({ properties: { a: schema } }).members[0]?.type;
}

const text = { kind: "text", values: null } as const;

test("text, whole numbers, booleans, lists of them and objects have a type, whatever else is said of them", () => {
  for (const [schema, type] of [
    [{ type: "string", format: "email", maxLength: 5, description: "x", default: "y" }, text],
    [{ type: ["string"] }, text],
    [
      { type: "string", enum: ["a", "b"] },
      { kind: "text", values: ["a", "b"] },
    ],
    [
      { type: "string", const: "a" },
      { kind: "text", values: ["a"] },
    ],
    [{ enum: ["a", "b"] }, { kind: "text", values: ["a", "b"] }],
    [{ type: "string", anyOf: [{ minLength: 1 }] }, text],
    [
      { type: "integer", minimum: 0.5 },
      { kind: "integer", values: null },
    ],
    [
      { type: "integer", enum: [1, 2, 2.5] },
      { kind: "integer", values: [1, 2] },
    ],
    [{ type: "boolean", nullable: true }, { kind: "boolean" }],
    [
      { type: "array", items: { type: "string" }, minItems: 1 },
      { kind: "set", of: text },
    ],
    [
      { type: "array", items: { enum: ["a"] } },
      { kind: "set", of: { kind: "text", values: ["a"] } },
    ],
    [
      { type: "object", properties: {} },
      { kind: "record", members: [] },
    ],
    [
      { type: "object", properties: { b: { type: "string" } }, required: ["b"], additionalProperties: true },
      { kind: "record", members: [{ name: "b", required: true, nullable: false, type: text }] },
    ],
  ] as const) {
    assert.deepEqual(typed(schema), type, JSON.stringify(schema));
  }
});

test("a member that may be null besides is one that may be absent", () => {
  for (const schema of [
    { type: ["string", "null"], description: "x" },
    { type: ["null", "string"] },
    { anyOf: [{ type: "string" }, { type: "null" }] },
    { oneOf: [{ type: "null" }, { type: "string", maxLength: 5 }], description: "x" },
  ]) {
    const record = argumentRecord({ properties: { a: schema }, required: ["a"] });
    assert.deepEqual(record.members, [{ name: "a", required: true, nullable: true, type: text }]);
    const verdicts = ['{"a":null}', '{"a":"x"}', '{"a":1}', "{}"].map((one) => readArguments(one, record).ok);
    assert.deepEqual(verdicts, [true, true, false, false], JSON.stringify(schema));
  }
  const number = argumentRecord({ properties: { a: { type: ["number", "null"] } } });
  assert.deepEqual(
    ['{"a":null}', '{"a":5}'].map((one) => readArguments(one, number).ok),
    [true, false],
  );
});

test("whatever else there is, policies cannot look at, and it is said what it is", () => {
  for (const [schema, what] of [
    [{ type: "number" }, /a number that need not be whole/],
    [{ type: "null" }, /null/],
    [{ type: ["string", "integer"] }, /more than one type/],
    [{ type: ["string", "integer", "null"] }, /more than one type/],
    [{ type: ["null"] }, /null/],
    [{ type: ["null", "null"] }, /null/],
    [{ type: [] }, /more than one type/],
    [{ anyOf: [{ type: "string" }] }, /no stated type/],
    [{ $ref: "#/$defs/a" }, /no stated type/],
    [{}, /no stated type/],
    [true, /no stated type/],
    [null, /no stated type/],
    [{ enum: ["a", 1] }, /no stated type/],
    [{ type: "money" }, /unknown type/],
    [{ type: "object" }, /without `properties`/],
    [{ type: "array" }, /a list of other things/],
    [{ type: "array", items: [{ type: "string" }] }, /a list of other things/],
    [{ type: "array", items: { type: "object", properties: {} } }, /a list of other things/],
    [{ type: "array", items: { type: "array", items: { type: "string" } } }, /a list of other things/],
    [{ type: "array", prefixItems: [{ type: "string" }] }, /a list of other things/],
  ] as const) {
    const type = typed(schema);
    assert.equal(type?.kind, "opaque", JSON.stringify(schema));
    assert.match(type.what, what, JSON.stringify(schema));
  }
  let deep: Readonly<Record<string, unknown>> = { type: "string" };
  for (let at = 0; at < 20; at += 1) deep = { type: "object", properties: { a: deep } };
  assert.match(opaqueMembers(argumentRecord(deep))[0]?.what ?? "", /too deep/);
});

test("names that policies reserve, and what is required and nowhere described, are opaque", () => {
  const record = argumentRecord({
    type: "object",
    properties: {
      __entity: { type: "string" },
      ok: { type: "object", properties: { n: { type: "number" } } },
    },
    required: ["gone", 5],
  });
  assert.deepEqual(
    opaqueMembers(record).map(({ path }) => path),
    ["__entity", "gone", "ok.n"],
  );
  assert.deepEqual(
    record.members.map(({ name, required }) => [name, required]),
    [
      ["__entity", false],
      ["gone", true],
      ["ok", false],
    ],
  );
});

const payment = argumentRecord({
  type: "object",
  properties: {
    to: { type: "string" },
    cents: { type: "integer" },
    urgent: { type: "boolean" },
    kind: { type: "string", enum: ["rent", "tax"] },
    tags: { type: "array", items: { type: "string" } },
    bank: { type: "object", properties: { iban: { type: "string" } }, required: ["iban"] },
    rate: { type: "number" },
  },
  required: ["to"],
});

/** `fine`, or what is wrong. */
function verdict(written: string): string {
  const read = readArguments(written, payment);
  return read.ok ? "fine" : read.failure;
}

test("arguments that the catalog describes are described, also where they are written in odd ways", () => {
  for (const written of [
    '{"to":"a"}',
    ' { "t\\u006f" : "" , "cents" : -0 } ',
    '{"to":"a","cents":9007199254740991,"urgent":false,"kind":"tax","tags":[],"bank":{"iban":"x"}}',
    '{"to":"a","cents":1.0,"tags":["a","a"]}',
    '{"to":"a","cents":1e2}',
  ]) {
    assert.equal(verdict(written), "fine", written);
  }
});

test("arguments that are anything else cannot be described; the member is named and its value is not", () => {
  for (const [written, why] of [
    ["", "`to` is missing"],
    ["{}", "`to` is missing"],
    ['{"to":null}', "`to` is not text"],
    ['{"to":["s3cret"]}', "`to` is not text"],
    ['{"to":{"s3cret":1}}', "`to` is not text"],
    ['{"to":"a","cents":"77"}', "`cents` is not a whole number below 2^53"],
    ['{"to":"a","cents":77.5}', "`cents` is not a whole number below 2^53"],
    ['{"to":"a","cents":null}', "`cents` is not a whole number below 2^53"],
    ['{"to":"a","urgent":"s3cret"}', "`urgent` is neither true nor false"],
    ['{"to":"a","kind":"s3cret"}', "`kind` is none of the values that the catalog lists"],
    ['{"to":"a","tags":"s3cret"}', "`tags` is not a list"],
    ['{"to":"a","tags":["a",77]}', "`tags` holds something that is not text"],
    ['{"to":"a","bank":{}}', "`bank.iban` is missing"],
    ['{"to":"a","bank":[]}', "`bank` is not an object"],
    ['{"to":"a","bank":{"iban":"x","bic":"s3cret"}}', "`bank.bic` is not among the catalog's `parameters`"],
    ['{"to":"a","bcc":"s3cret"}', "`bcc` is not among the catalog's `parameters`"],
    ['{"to":"a","__proto__":{"urgent":true}}', "`__proto__` is not among the catalog's `parameters`"],
    ['{"to":"a","constructor":"s3cret"}', "`constructor` is not among the catalog's `parameters`"],
    ['{"to":"a","rate":77}', "`rate` is a number that need not be whole, which policies cannot look at"],
    ['{"to":{"__entity":{"type":"User","id":"s3cret"}}}', "they hold the reserved key `__entity`"],
    ['{"to":"a","bank":{"__extn":"s3cret"}}', "they hold the reserved key `__extn`"],
  ] as const) {
    assert.equal(verdict(written), why, written);
  }
  assert.match(verdict('{"to":"a","cents":9007199254740993}'), /number/);
  assert.match(verdict('{"to":"a","to":"b"}'), /stands twice/);
  assert.match(verdict(`{"to":"a","${"n".repeat(500)}":1}`), /^`n{64}…` is not among/);
  assert.doesNotMatch(verdict('{"to":"a","x":"s3cret"}'), /s3cret/);
});

test("no schema and no arguments make it throw, and what is described fits its type throughout", () => {
  const anything = fc.jsonValue({ maxDepth: 5 });
  const name = fc.constantFrom(
    "type",
    "properties",
    "items",
    "enum",
    "required",
    "const",
    "a",
    "__proto__",
    "string",
  );
  const schema = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom("string", "integer", "boolean", "object", "array", "number"),
      fc.record({ type: fc.constantFrom("string", "integer", "boolean", "number", "money") }),
      fc.record({ type: fc.constant("array"), items: tie("schema") }),
      fc.record({
        type: fc.constant("object"),
        properties: fc.dictionary(name, tie("schema"), { maxKeys: 3 }),
      }),
      fc.dictionary(name, tie("schema"), { maxKeys: 4 }),
      anything,
    ),
  })).schema;
  const seen = { fits: 0, not: 0 };
  fc.assert(
    fc.property(fc.dictionary(name, schema), fc.dictionary(name, anything), (properties, values) => {
      const record = argumentRecord({ properties, required: Object.keys(values).slice(0, 1) });
      const fault = argumentFault(record, values);
      seen[fault === null ? "fits" : "not"] += 1;
      if (fault !== null) return;
      for (const [key, value] of Object.entries(values)) {
        if (value === null && record.members.find(({ name: of }) => of === key)?.nullable === true) continue;
        const type = record.members.find((one) => one.name === key)?.type;
        assert.ok(type !== undefined && type.kind !== "opaque");
        assert.equal(isObject(value), type.kind === "record");
        assert.equal(Array.isArray(value), type.kind === "set");
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(seen.fits > 0 && seen.not > 0, JSON.stringify(seen));
});

test("whatever bytes a model writes, what is described is what JSON.parse reads, of the catalog's types and nothing else", () => {
  const piece = fc.constantFrom(
    ...[
      '{"to":"a"',
      ',"cents":',
      "1",
      "1.5",
      "1e400",
      "-0",
      ',"to":"b"',
      ',"bank":{"iban":',
      '"x"',
      "}",
      "null",
      "[",
      "]",
    ],
    ...[
      '"__entity"',
      ":",
      ",",
      '"\\ud800"',
      "\ud800",
      '"\\u0074o"',
      "\u0000",
      " ",
      "{",
      '{"to":"a"}',
      "9007199254740993",
    ],
  );
  const seen = { fine: 0, not: 0 };
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 9 }), (pieces) => {
      const written = pieces.join("");
      const read = readArguments(written, payment);
      seen[read.ok ? "fine" : "not"] += 1;
      if (!read.ok) return;
      assert.deepEqual(read.value, JSON.parse(written));
      assert.equal(argumentFault(payment, read.value), null);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(seen.fine > 0 && seen.not > 0, JSON.stringify(seen));
});

test("a list of hundreds of thousands, and as many members, cost no stack", () => {
  assert.equal(verdict(`{"to":"a","tags":[${'"x",'.repeat(200_000)}"x"]}`), "fine");
  const many = Array.from({ length: 100_000 }, (_, at) => `"m${at}":1`).join();
  assert.match(verdict(`{"to":"a",${many}}`), /^`m0` is not among/);
});
