import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptAnswer } from "./kept-answer.ts";

test("an answer is kept whole while it fits, and not at all when it does not: a part would not match the record", () => {
  const kept = new KeptAnswer(10);
  kept.push(Buffer.from("12345"));
  kept.push(Buffer.from("67890"));
  assert.equal(kept.whole()?.toString(), "1234567890");
  kept.push(Buffer.from("1"));
  assert.equal(kept.whole(), null);
  kept.push(Buffer.from("2"));
  assert.equal(kept.whole(), null);
});

test("nothing is kept where nobody asked for it", () => {
  const kept = new KeptAnswer(0);
  kept.push(Buffer.from("1"));
  assert.equal(kept.whole(), null);
  assert.equal(new KeptAnswer(0).whole(), null);
});
