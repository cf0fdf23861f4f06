import assert from "node:assert/strict";
import { test } from "node:test";
import { flatText, heapKeptBy } from "./memory.test-support.ts";
import { ownText } from "./own-text.ts";

const large = (at: number): string => flatText(`${at}`.padStart(16 * 1024, "0123456789"));

test("a part of a text keeps the whole in memory, unless it is made its own", () => {
  // Where this fails V8 copies parts by itself, and nobody needs the function any more.
  assert.ok(heapKeptBy(1000, (at) => large(at).slice(-32)) > 15_000_000);
  assert.ok(heapKeptBy(1000, (at) => ownText(large(at).slice(-32))) < 1_000_000);
  assert.equal(ownText(large(7).slice(-4)), "0127");
});
