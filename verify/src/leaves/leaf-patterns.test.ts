import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CanonicalValue, canonicalJson } from "./canonical-json.ts";
import { encodeLeaf } from "./leaf.ts";
import { leafPatterns } from "./leaf-patterns.ts";
import { heldSamples, leafSamples, shadowSamples } from "./leaf-samples.test-support.ts";
import { leafSchema } from "./leaf-schema.ts";
import { leafTime } from "./leaf-time.ts";
import { parseLeaf } from "./parse-leaf.ts";

const stamp = {
  id: "01abb2f5-d400-7000-8000-000000000000",
  time: "2026-11-25T21:00:00.000Z",
  instance: "inst_1",
};
const made = Date.parse(stamp.time).toString(16).padStart(12, "0");
const id = `${made.slice(0, 8)}-${made.slice(8)}-7000-8000-000000000000`;

const failed = [{ dispatch: 1, reason: "timeout", sent: true, status: null, target: "demo/parrot" }];
const texts: readonly string[] = [
  ...Object.values(leafSamples),
  ...Object.values(shadowSamples),
  ...Object.values(heldSamples),
  { ...leafSamples["call.completed"], failed },
].map((body) => {
  const encoded = encodeLeaf(body, { ...stamp, id });
  assert.ok(encoded.ok);
  return encoded.value.toString();
});

/** What a leaf is by the schema and RFC 8785 alone, or null. */
function bySchema(text: string): CanonicalValue | null {
  try {
    const parsed = leafSchema.safeParse(JSON.parse(text));
    return parsed.success && canonicalJson(parsed.data) === text ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Whether the pattern, and what parse-leaf.ts asks besides, never takes what the schema does not, nor for anything else. */
function agrees(text: string): void {
  const parsed = parseLeaf(Buffer.from(text));
  const expected = bySchema(text);
  if (parsed.ok) assert.deepEqual(parsed.value, expected, text);
  else if (/schema|canonical|JSON/.test(parsed.failure)) assert.equal(expected, null, text);
}

const key = fc.oneof(
  fc.constantFrom("a", "b", "1", "10", "9", "", "__proto__", "constructor", 'q"', "é", "\u0001", "\ud800"),
  fc.string(),
);
const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 600 }),
  fc.constantFrom(
    "permit",
    "a".repeat(64),
    "0".repeat(64),
    "F".repeat(64),
    "ab\n",
    "\u2028",
    '\\"',
    "\ud83d",
  ),
  fc.integer(),
  fc.constantFrom(-0, 0, 1, 1.5, 1e15, 2 ** 53 - 1, 2 ** 53, -1, 1e21),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 20 }),
  fc.dictionary(key, scalar, { maxKeys: 5 }),
);

/** Every place in a leaf: its members, and theirs. */
function places(leaf: object): readonly (readonly [object, string])[] {
  return Object.entries(leaf).flatMap(([name, member]: [string, unknown]) => [
    [leaf, name] as const,
    ...(typeof member === "object" && member !== null ? places(member) : []),
  ]);
}

describe("the pattern of a leaf", () => {
  it("is there for every type, and takes what the encoder writes", () => {
    const patterns = leafPatterns();
    assert.equal(patterns.size, leafSchema.options.length);
    for (const text of texts) {
      const { type, facts } = JSON.parse(text);
      // Nothing but the record, or else it goes the long way.
      const captured = patterns.get(type)?.exec(text)?.slice(1);
      assert.deepEqual(captured, facts === undefined ? [] : [canonicalJson(facts)], text);
      assert.notEqual(bySchema(text), null);
    }
  });

  it("agrees with the schema on leaves with a member changed, removed or added", () => {
    const change = fc.record({
      text: fc.constantFrom(...texts),
      place: fc.nat(),
      how: fc.constantFrom("replace", "remove", "add"),
      key,
      value,
    });
    fc.assert(
      fc.property(change, ({ text, place, how, key: added, value: put }) => {
        const leaf = JSON.parse(text);
        const all = places(leaf);
        const [parent, name] = all[place % all.length] ?? [leaf, "v"];
        if (how === "remove") Reflect.deleteProperty(parent, name);
        else Reflect.set(parent, how === "add" ? added : name, put);
        agrees(JSON.stringify(leaf));
        try {
          agrees(canonicalJson(leaf));
        } catch {
          // It has no canonical form.
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("agrees with the schema on texts with some of it changed, doubled or removed", () => {
    const part = fc.oneof(
      fc.constantFrom(
        '"',
        "\\",
        "\\u0041",
        "\\/",
        "\\n",
        "\\u001F",
        "\u0000",
        " ",
        ",",
        "0",
        "-",
        "{}",
        "[",
        "é",
        "e1",
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
    );
    const change = fc.record({
      text: fc.constantFrom(...texts),
      at: fc.nat(),
      removed: fc.nat({ max: 40 }),
      copied: fc.nat({ max: 40 }),
      part,
    });
    fc.assert(
      fc.property(change, ({ text, at, removed, copied, part: put }) => {
        const place = at % text.length;
        const rest = text.slice(place + removed);
        agrees(text.slice(0, place) + put + rest);
        agrees(text.slice(0, place) + text.slice(place, place + copied) + text.slice(place));
      }),
      { numRuns: 1_000 },
    );
  });

  it("agrees with the schema on facts in any order, twice, and under any name", () => {
    const member = fc.tuple(key, fc.oneof(scalar, fc.array(fc.string(), { maxLength: 3 })));
    fc.assert(
      fc.property(fc.array(member, { maxLength: 5 }), (members) => {
        const spelled = members.map(([name, put]) => `${JSON.stringify(name)}:${JSON.stringify(put)}`);
        for (const text of texts.filter((one) => one.includes('"facts":{'))) {
          agrees(text.replace(/"facts":\{[^}]*\}/, () => `"facts":{${spelled.join(",")}}`));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("takes no longer for hostile text than for any other", () => {
    const [text = ""] = texts;
    for (const put of [
      "a".repeat(60_000),
      '\\"'.repeat(30_000),
      `${'",'.repeat(20_000)}`,
      '"a",'.repeat(15_000),
    ]) {
      agrees(text.replace('"finance"', () => `"${put}"`));
      agrees(text.replace('"facts":{', () => `"facts":{"a":"${put}",`));
    }
    // With two ways to match each, these would be tried in 2^4,000 combinations before they are refused.
    for (const one of ['"tool"', '"\\"tool"']) {
      const many = text.replace('"tools":["send_email"]', () => `"tools":[${Array(4_000).fill(one).join()}]`);
      assert.notEqual(many, text);
      agrees(many);
      agrees(many.replace(/"v":1\}$/, '"v":2}'));
    }
  });
});

it("a leaf's time is what Date.parse says", () => {
  const time = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
  fc.assert(fc.property(time, (date) => assert.equal(leafTime(date.toISOString()), date.getTime())));
});
