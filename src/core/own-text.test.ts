import assert from "node:assert/strict";
import { test } from "node:test";
import { flatText, heapKeptBy } from "./memory.test-support.ts";
import { ownText } from "./own-text.ts";

const large = (at: number): string => flatText(`${at}`.padStart(16 * 1024, "0123456789"));

test("a part of a text keeps the whole in memory, unless it is made its own", () => {
  // Where this fails V8 copies parts by itself, and nobody needs the function any more.
  assert.ok(heapKeptBy(1000, (at) => large(at).slice(-32)) > 15_000_000);
  assert.ok(heapKeptBy(1000, (at) => ownText(large(at).slice(-32))) < 1_000_000);
});

test("a text put together of many is a tree of them, unless it is made its own", () => {
  const joined = (at: number): string => {
    let text = "";
    for (let part = 0; part < 200; part += 1) text += `${at % 10}:`;
    return text;
  };
  assert.ok(heapKeptBy(1000, joined) > 4_000_000);
  assert.ok(heapKeptBy(1000, (at) => ownText(joined(at))) < 1_500_000);
});

test("it is the same text", () => {
  for (const text of ["", "203.0.113.5", "Zoë", "日本語", "😀", "\ud83d", "\0"])
    assert.equal(ownText(`${text}`), text);
});
