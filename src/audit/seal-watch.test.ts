import assert from "node:assert/strict";
import { test } from "node:test";
import { maxUnsealedMs, SealWatch } from "./seal-watch.ts";

test("entries that another seals a moment later are no reason to stop, however many follow", () => {
  let now = 0;
  const watch = new SealWatch(() => now);
  for (let second = 1; second <= 60; second += 1) {
    now = second * 1_000;
    watch.trying();
    watch.sealed(10 * (second - 1), 10 * second);
    assert.equal(watch.refusal, null, `second ${second}`);
  }
});

test("entries that nobody seals are, after a few seconds, and no longer once they are", () => {
  let now = 0;
  const watch = new SealWatch(() => now);
  watch.trying();
  watch.sealed(5, 9);
  now = maxUnsealedMs - 1;
  watch.trying();
  watch.sealed(8, 12);
  assert.equal(watch.refusal, null);
  now = maxUnsealedMs;
  assert.notEqual(watch.refusal, null);
  watch.sealed(9, 12);
  assert.equal(watch.refusal, null);
  watch.sealed(12, 12);
  now += 10 * maxUnsealedMs;
  assert.equal(watch.refusal, null);
});
