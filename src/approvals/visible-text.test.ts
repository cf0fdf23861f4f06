import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deceptions, visibleText } from "./visible-text.ts";

/** What was written out, read again. */
function read(shown: string): string {
  return shown.replace(/<U\+([0-9A-F]+)>/g, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

const odd = fc.constantFrom(
  ..."\u0000\u0007\u001b\r\u0085\u00a0\u00ad\u034f\u061c\u115f\u1680\u180e\u200b\u200d\u2028\u2029\u202e\u2066\u2800\u3000\u3164\ufe0f\ufeff\uffa0\ud800\udfff<>U+2 \n\tA",
  "\u{e0041}",
  "\u{1d173}",
  "<U+200B>",
  "<U+",
  "a\u0301\u0302\u0303\u0304\u0305",
);
const hostile = fc
  .array(fc.oneof(odd, fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" })))
  .map((parts) => parts.join(""));

test("nothing of a text is lost, and no two texts look the same", () => {
  fc.assert(
    fc.property(hostile, fc.boolean(), (text, lines) => {
      assert.equal(read(visibleText(text, lines)), text);
    }),
    { numRuns: 2_000 },
  );
});

test("what is left as it is can be seen", () => {
  const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;
  fc.assert(
    fc.property(hostile, (text) => {
      assert.doesNotMatch(visibleText(text), unseen);
      assert.doesNotMatch(visibleText(text, true).replace(/[\n\t]/g, ""), unseen);
    }),
    { numRuns: 2_000 },
  );
});

test("each way to hide something is written out, and ordinary text stays as it is", () => {
  for (const [text, shown] of [
    ["ana@example.com", "ana@example.com"],
    ["Grüße aus Köln, 東京, Київ, नमस्ते – 100 % “ok” 🙂", "Grüße aus Köln, 東京, Київ, नमस्ते – 100 % “ok” 🙂"],
    ["a\u200bb", "a<U+200B>b"],
    ["pay \u202e001\u202c", "pay <U+202E>001<U+202C>"],
    ["\u001b[2J", "<U+001B>[2J"],
    ["x\u{e0068}\u{e0069}", "x<U+E0068><U+E0069>"],
    ["half \ud800", "half <U+D800>"],
    ["a\u00a0b", "a<U+00A0>b"],
    [" a ", "<U+0020>a<U+0020>"],
    ["a \nb", "a<U+0020><U+000A>b"],
    ["<U+200B>", "<U+003C>U+200B>"],
    ["<b> <U", "<b> <U"],
    ["\u0301a", "<U+0301>a"],
    [`o${"\u0300".repeat(5)}`, `o${"\u0300".repeat(3)}<U+0300><U+0300>`],
    ["a\u20e3", "a<U+20E3>"],
    ["C:\\dir\\n", "C:\\dir\\n"],
  ] as const) {
    assert.equal(visibleText(text), shown);
  }
  assert.equal(visibleText("one\n\ttwo \r\nthree", true), "one\n\ttwo <U+000D>\nthree");
});

test("letters that are drawn like others are pointed out", () => {
  assert.deepEqual(deceptions("ana@example.com, Київ and Αθήνα"), []);
  assert.deepEqual(deceptions("p\u0430ypal, p\u0430y"), [
    "a word mixes letters that are Latin and Cyrillic: `p\u0430ypal`",
  ]);
  assert.deepEqual(deceptions("\u{1d5ee}na@example.com"), [
    "a character looks like a common letter: `\u{1d5ee}`",
  ]);
});

test("a megabyte of marks takes no more than a moment", () => {
  const text = "\u0301\u200b\u0430b ".repeat(200_000);
  assert.equal(read(visibleText(text, true)), text);
  assert.equal(deceptions(text).length, 1);
});
