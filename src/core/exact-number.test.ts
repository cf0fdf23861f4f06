import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isExactNumber } from "./exact-number.ts";

test("numbers that a double holds and gives back are exact", () => {
  for (const written of [
    "0",
    "-0",
    "0.0",
    "0e999",
    "1",
    "-1.50",
    "100",
    "1e2",
    "1E+2",
    "0.1",
    "123.456e-7",
    "5e-324",
    "9007199254740991",
    "-9007199254740991",
    "900719925474099.1",
    "1000000000000000.0",
  ])
    assert.equal(isExactNumber(written), true, written);
});

test("numbers that readers would take for different values are not", () => {
  for (const written of [
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "1e20",
    "1e400",
    "1e-400",
    "0.1000000000000000055511151231257827",
    "3.14159265358979323846",
    "9007199254740991.5",
    "1.00000000000000000001",
  ])
    assert.equal(isExactNumber(written), false, written);
});

test("whatever JavaScript writes for a safe number is exact, in other notations too", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const exact = !Number.isInteger(value) || Number.isSafeInteger(value);
      assert.equal(isExactNumber(String(value)), exact);
      assert.equal(isExactNumber(value.toExponential()), exact);
    }),
  );
});

test("a million digits are looked at once", () => {
  assert.equal(isExactNumber(`0.${"0".repeat(1_000_000)}1`), false);
  assert.equal(isExactNumber(`1.${"0".repeat(1_000_000)}`), true);
});
