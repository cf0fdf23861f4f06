import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { calendarWindows, previousWindowStart, windowEnd, windowStart } from "./calendar-window.ts";
import { rfc3339 } from "./clock.ts";

test("windows are those of the UTC calendar, months as long as they are", () => {
  const at = Date.parse("2028-02-29T23:59:59.999Z");
  const shown = (of: (window: (typeof calendarWindows)[number], at: number) => number) =>
    calendarWindows.map((window) => rfc3339(of(window, at)));
  assert.deepEqual(shown(windowStart), [
    "2028-02-29T23:59:00.000Z",
    "2028-02-29T23:00:00.000Z",
    "2028-02-29T00:00:00.000Z",
    "2028-02-01T00:00:00.000Z",
  ]);
  assert.deepEqual(shown(windowEnd), Array(4).fill("2028-03-01T00:00:00.000Z"));
  assert.deepEqual(shown(previousWindowStart), [
    "2028-02-29T23:58:00.000Z",
    "2028-02-29T22:00:00.000Z",
    "2028-02-28T00:00:00.000Z",
    "2028-01-01T00:00:00.000Z",
  ]);
  assert.equal(rfc3339(windowEnd("month", Date.parse("2026-12-31T12:00:00Z"))), "2027-01-01T00:00:00.000Z");
});

test("every moment lies in exactly one window of each kind", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 253_402_300_799_999 }),
      fc.constantFrom(...calendarWindows),
      (at, window) => {
        const start = windowStart(window, at);
        const end = windowEnd(window, at);
        assert.ok(start <= at && at < end);
        assert.equal(windowStart(window, end), end);
        assert.equal(windowStart(window, end - 1), start);
      },
    ),
  );
});
