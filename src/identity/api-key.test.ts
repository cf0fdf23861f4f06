import assert from "node:assert/strict";
import { test } from "node:test";
import { hasChecksum, isApiKey, newApiKey } from "./api-key.ts";

test("a key has a shape that other texts do not have", () => {
  const key = newApiKey();
  assert.ok(isApiKey(key));
  for (const other of [
    "",
    `${key}x`,
    key.slice(0, -1),
    `sk-${key.slice(4)}`,
    `${key.slice(0, -1)}!`,
    ` ${key}`,
  ]) {
    assert.ok(!isApiKey(other), other);
  }
});

test("a mistyped key has that shape and no checksum, so it is told apart without looking it up", () => {
  const key = newApiKey();
  assert.ok(hasChecksum(key));
  for (const at of [4, 20, 46, 47, key.length - 1]) {
    const mistyped = `${key.slice(0, at)}${key[at] === "A" ? "B" : "A"}${key.slice(at + 1)}`;
    // Shape is all that a call pays for: the checksum would be a second hash.
    assert.deepEqual([isApiKey(mistyped), hasChecksum(mistyped)], [true, false]);
  }
});
