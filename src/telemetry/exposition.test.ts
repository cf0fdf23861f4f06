import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExposition, sampleOf } from "../../test/e2e/exposition.ts";
import { callFamilies } from "./call-families.ts";
import { CallMeter } from "./call-meter.ts";
import { exposition, type Reading } from "./exposition.ts";
import { KnownNames } from "./known-names.ts";
import { counterFamily, histogramFamily } from "./metric.ts";
import { trailFamilies } from "./trail-families.ts";
import { TrailMeter } from "./trail-meter.ts";

test("label values of every kind are read as they were written", async () => {
  const family = counterFamily("a_total", "with a \\ and\na new line", ["label"]);
  const values = ['"', "\\", "\n", "\\n", "{}", 'a="b",', "ünï 🦊", ""];
  for (const [at, value] of values.entries()) family.with(value).add(at + 0.5);
  const metrics = parseExposition(await exposition([family]));
  for (const [at, label] of values.entries()) assert.equal(sampleOf(metrics, "a_total", { label }), at + 0.5);
});

test("a histogram counts what is at most as large as each bound, and leaves out what is no number", async () => {
  const family = histogramFamily("b_seconds", "times", [1, 2, 4]);
  for (const value of [0, 1, 1.5, 2, 4, 4.1, 1e9, Number.NaN, Number.POSITIVE_INFINITY])
    family.with().observe(value);
  const metrics = parseExposition(await exposition([family]));
  const buckets = ["1", "2", "4", "+Inf"].map((le) => sampleOf(metrics, "b_seconds_bucket", { le }));
  assert.deepEqual(buckets, [2, 4, 5, 7]);
  assert.equal(sampleOf(metrics, "b_seconds_sum"), 0 + 1 + 1.5 + 2 + 4 + 4.1 + 1e9);
});

test("a reading that fails takes no other with it", async () => {
  const info = { name: "c", type: "gauge", help: "c", labels: [] } as const;
  const failing: Reading = { info, read: () => Promise.reject(new Error("not now")) };
  const other: Reading = { info: { ...info, name: "d" }, read: async () => [{ labels: [], value: 3 }] };
  const metrics = parseExposition(await exposition([failing, other]));
  assert.deepEqual(metrics.get("c")?.samples, []);
  assert.equal(sampleOf(metrics, "d"), 3);
});

test("names that the config does not hold are one, and a changed config's are told apart from then on", async () => {
  const names = new KnownNames({ applications: ["one"], models: new Map([["up", new Set(["m"])]]) });
  const families = callFamilies();
  const meter = new CallMeter(names, families);
  const decide = (application: string) => meter.decided("call", application, "permit", "permitted");
  for (let at = 0; at < 10_000; at += 1) {
    decide(`made-up-${at}`);
    meter.answered("chat", { provider: `p${at}`, model: `m${at}` }, 1, "timeout");
    meter.answered("chat", { provider: "up", model: `m${at}` }, 1, "");
  }
  decide("one");
  names.replace({ applications: ["two"], models: new Map([["up", new Set(["m1"])]]) });
  decide("two");
  decide("one");
  meter.answered("chat", { provider: "up", model: "m1" }, 1, "timeout");
  const metrics = parseExposition(await exposition(Object.values(families)));
  const count = (application: string) => sampleOf(metrics, "portcullis_decisions_total", { application });
  assert.deepEqual([count("one"), count("two"), count("other")], [1, 1, 10_001]);
  const errors = metrics.get("portcullis_provider_errors_total")?.samples ?? [];
  assert.deepEqual(
    errors.map(({ labels, value }) => [labels["provider"], labels["model"], value]),
    [
      ["other", "other", 10_000],
      ["up", "m1", 1],
    ],
  );
});

test("an entry is unsealed from its append until a checkpoint holds it", async () => {
  let now = 100_000;
  const trail = { checkpoint: { size: 10, time: 50_000 } };
  const meter = new TrailMeter(trailFamilies(), trail, () => now);
  const append = (size: number) => meter.timed(1, async () => ({ size }));
  assert.equal(meter.unsealedSeconds, 0);
  await append(11);
  now += 2000;
  await append(12);
  assert.equal(meter.unsealedSeconds, 2, "the oldest counts, and not how old the last checkpoint is");
  trail.checkpoint = { size: 11, time: now };
  now += 500;
  assert.equal(meter.unsealedSeconds, 0.5);
  trail.checkpoint = { size: 12, time: now };
  assert.equal(meter.unsealedSeconds, 0);
});

test("an append that is not taken is counted and told on", async () => {
  const families = trailFamilies();
  const meter = new TrailMeter(families, { checkpoint: null }, Date.now);
  await assert.rejects(
    meter.timed(1, () => Promise.reject(new Error("full"))),
    /full/,
  );
  assert.equal(meter.waiting, 0);
  assert.equal(families.failures.with().value, 1);
});
