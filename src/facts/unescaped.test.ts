import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { unescaped, unescapedPieces } from "./unescaped.ts";

test("escapes mean what they mean in JSON", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const written = JSON.stringify(text).slice(1, -1);
      assert.equal(unescaped(written), JSON.parse(`"${written}"`));
    }),
  );
  assert.equal(unescaped('\\u0041\\/\\"\\\\u0041\\\\\\u00e9'), 'A/"\\u0041\\é');
});

test("what is no escape stays as it is", () => {
  for (const text of ["\\", "\\x41", "\\u00g1", "\\u12", "C:\\Users", "plain"]) {
    assert.equal(unescaped(text), text);
  }
});

test("pieces cut no escape in two", () => {
  const piece = fc.constantFrom("\\n", "\\u0041", "\\\\", "\\", "u0041", "a", "n", '\\"', "\\u");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 16, max: 40 }), (pieces, length) => {
      const text = pieces.join("");
      assert.equal([...unescapedPieces(text, length)].join(""), unescaped(text));
    }),
    { numRuns: 2000 },
  );
});
