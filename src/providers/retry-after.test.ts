import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfterMs } from "./retry-after.ts";

const now = Date.parse("2026-11-25T12:00:00.000Z");

test("seconds, milliseconds and HTTP dates are read", () => {
  for (const [headers, expected] of [
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": " 0 " }, 0],
    [{ "retry-after": "1.5" }, 1500],
    [{ "retry-after-ms": "120" }, 120],
    [{ "retry-after": "7", "retry-after-ms": "120.5" }, 120.5],
    [{ "retry-after": "Wed, 25 Nov 2026 12:00:03 GMT" }, 3000],
    [{ "retry-after": "Wed, 25 Nov 2026 11:59:00 GMT" }, 0],
  ] as const) {
    assert.equal(retryAfterMs(headers, now), expected, JSON.stringify(headers));
  }
});

test("what is neither says nothing", () => {
  for (const written of [
    "",
    "-1",
    "soon",
    "1e9",
    "0x10",
    "Infinity",
    "12345678901",
    "2026-11-25T12:00:03Z",
    "Wed, 25 Nov 2026 12:00:03 CET",
    "Wed, 99 Nov 2026 12:00:03 GMT",
    "Wednesday, 25-Nov-26 12:00:03 GMT",
  ]) {
    assert.equal(retryAfterMs({ "retry-after": written }, now), null, written);
  }
  assert.equal(retryAfterMs({}, now), null);
  assert.equal(retryAfterMs({ "retry-after-ms": "x", "retry-after": "2" }, now), 2000);
});
