import assert from "node:assert/strict";
import { test } from "node:test";
import { type CircuitState, TargetHealth, type TryOutcome } from "./target-health.ts";

function target() {
  const time = { now: 1_000, random: 0 };
  const changes: CircuitState[] = [];
  const health = new TargetHealth({
    now: () => time.now,
    random: () => time.random,
    onChange: (state) => void changes.push(state),
  });
  const tries = (outcome: TryOutcome, times = 1): void => {
    for (let at = 0; at < times; at += 1) {
      const entry = health.enter("first");
      assert.notEqual(entry.kind, "open");
      if (entry.kind !== "open") health.left(entry.kind, outcome);
    }
  };
  return { health, time, changes, tries };
}

test("a target is asked while fewer than five of its newest tries failed, or less than half of them", () => {
  const few = target();
  few.tries("failed", 4);
  assert.equal(few.health.enter("first").kind, "go");
  const many = target();
  many.tries("answered", 30);
  many.tries("failed", 29);
  assert.equal(many.health.state, "closed");
  many.tries("failed");
  assert.equal(many.health.state, "open");
});

test("failures of long ago are forgotten", () => {
  const { health, time, tries } = target();
  for (let round = 0; round < 20; round += 1) {
    tries("failed", 2);
    time.now += 10_000;
  }
  assert.equal(health.state, "closed");
});

test("tries that say nothing neither open a circuit nor keep it closed", () => {
  const { health, tries } = target();
  tries("unknown", 1000);
  tries("failed", 5);
  assert.equal(health.state, "open");
});

test("an open circuit says when to come back, then lets one probe through at a time", () => {
  const { health, time, changes, tries } = target();
  tries("failed", 5);
  assert.deepEqual(health.enter("first"), { kind: "open", retryAfterMs: 5000 });
  time.now += 4000;
  assert.deepEqual(health.enter("first"), { kind: "open", retryAfterMs: 1000 });
  time.now += 1000;
  assert.deepEqual(health.enter("first"), { kind: "probe" });
  for (let other = 0; other < 100; other += 1) assert.equal(health.enter("first").kind, "open");
  health.left("probe", "answered");
  assert.deepEqual(changes, ["open", "half_open", "closed"]);
  tries("failed", 4);
  assert.equal(health.state, "closed", "what failed before the probe does not count any more");
});

test("a circuit whose probes fail stays open for longer each time, and at most for a minute", () => {
  const { health, time, tries } = target();
  tries("failed", 5);
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    const refused = health.enter("first");
    assert.ok(refused.kind === "open");
    waits.push(refused.retryAfterMs);
    time.now += refused.retryAfterMs;
    assert.equal(health.enter("first").kind, "probe");
    health.left("probe", "failed");
  }
  assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
});

test("a probe whose client leaves makes room for another, and so does one that takes too long", () => {
  const { health, time, tries } = target();
  tries("failed", 5);
  time.now += 5000;
  assert.equal(health.enter("first").kind, "probe");
  health.left("probe", "unknown");
  assert.equal(health.state, "half_open");
  assert.equal(health.enter("first").kind, "probe");
  time.now += 60_000;
  assert.equal(health.enter("first").kind, "probe");
});

test("tries that began before the circuit opened do not change it", () => {
  const { health, tries } = target();
  const early = health.enter("first");
  assert.ok(early.kind === "go");
  tries("failed", 5);
  health.left(early.kind, "answered");
  assert.equal(health.state, "open");
});

test("waits are random up to a bound that doubles, above what the upstream asks for", () => {
  const { health, time } = target();
  time.random = 0.5;
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9].map((retries) => health.retryWaitMs(retries, null)),
    [125, 250, 500, 1000, 2000, 2500],
  );
  assert.equal(health.retryWaitMs(0, 3000), 3125);
  assert.equal(health.retryWaitMs(0, 10_000), 10_125);
  assert.equal(health.retryWaitMs(0, 10_001), null);
});

test("retries are a share of a target's calls, and a few besides, whatever fails", () => {
  const { health, time } = target();
  const retriesOf = (calls: number): number => {
    for (let at = 0; at < calls; at += 1) health.enter("first");
    let retries = 0;
    for (; retries < 10_000 && health.retryWaitMs(0, null) !== null; retries += 1) health.enter("retry");
    return retries;
  };
  assert.equal(retriesOf(0), 10);
  time.now += 100_000;
  assert.equal(retriesOf(1000), 210);
  time.now += 10_000;
  assert.equal(retriesOf(0), 0, "the window before still counts");
  time.now += 10_000;
  assert.equal(retriesOf(0), 10);
});
