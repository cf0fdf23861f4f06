import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { trend } from "./memory-trend.ts";

const bound = { perCall: 16, inAll: 4 * 1024 ** 2 };
const start = 64 * 1024 ** 2;

/** A sample every 20,000 calls. */
function samples(bytesAt: (calls: number) => number, count = 50) {
  return Array.from({ length: count }, (_, at) => ({ calls: at * 20_000, bytes: bytesAt(at * 20_000) }));
}

test("the slope is the one of the line, whatever it begins at", () => {
  for (const perCall of [-3, 0, 100]) {
    const { slope, rise } = trend(
      samples((calls) => start + perCall * calls),
      bound,
    );
    assert.ok(Math.abs(slope - perCall) < 1e-6);
    assert.ok(Math.abs(rise - perCall * 980_000) < 1);
  }
});

test("what wavers by a megabyte does not grow, and what a call leaves behind shows through it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 50, maxLength: 50 }),
      (noise) => {
        const wavering = (calls: number) => start + (noise[calls / 20_000] ?? 0) * 1024 ** 2;
        assert.equal(trend(samples(wavering), bound).grows, false);
        assert.equal(
          trend(
            samples((calls) => wavering(calls) + 32 * calls),
            bound,
          ).grows,
          true,
        );
      },
    ),
  );
});

test("few calls may leave what many may not, and two samples say nothing", () => {
  const leaking = (calls: number) => start + 100 * calls;
  assert.equal(trend(samples(leaking, 3), bound).grows, false);
  assert.equal(trend(samples(leaking, 4), bound).grows, true);
  assert.throws(() => trend(samples(leaking, 2), bound), /three points/);
});
