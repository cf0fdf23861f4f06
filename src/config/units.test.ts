import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import { durationMs, headerBytes, sizeBytes, timerMs, waitMs } from "./units.ts";

test("durations are milliseconds, whatever unit they are written in", () => {
  for (const [written, ms] of [
    ["250ms", 250],
    ["60s", 60_000],
    ["15m", 900_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
    ["007s", 7000],
  ] as const) {
    assert.equal(durationMs.parse(written), ms);
  }
});

test("sizes are bytes, and may be written as a number of them", () => {
  for (const [written, bytes] of [
    ["512B", 512],
    ["16KiB", 16_384],
    ["20MiB", 20_971_520],
    [1000, 1000],
  ] as const) {
    assert.equal(sizeBytes.parse(written), bytes);
  }
});

test("what has no unit, another unit, a sign, a fraction or a space is refused with examples", () => {
  for (const written of [
    "60",
    60,
    0,
    "s",
    "",
    "5 s",
    "1.5h",
    "-1s",
    "+1s",
    "1S",
    "1w",
    "1e3s",
    "1h30m",
    "٣s",
    true,
    null,
  ]) {
    assert.match(messageOf(durationMs, written), /^write a duration with its unit, such as 250ms/);
  }
  for (const written of [
    "20",
    "20MB",
    "1 KiB",
    "1.5MiB",
    "-1B",
    "1k",
    1.5,
    -1,
    Number.NaN,
    Infinity,
    [],
    null,
  ]) {
    assert.match(messageOf(sizeBytes, written), /^write a size such as 512B/);
  }
});

test("a duration that never comes, or that no timer can count, is refused", () => {
  const bounds: readonly (readonly [
    schema: z.ZodType,
    least: string,
    most: string,
    below: string,
    above: string,
  ])[] = [
    [durationMs, "1ms", "365d", "0s", "366d"],
    [timerMs, "1ms", "24d", "0ms", "25d"],
    [waitMs, "0s", "24d", "-1s", "576h1"],
    [sizeBytes, "1B", "500MiB", "0B", "501MiB"],
    [headerBytes, "1KiB", "1MiB", "1023B", "2MiB"],
  ];
  for (const [schema, least, most, below, above] of bounds) {
    assert.ok(schema.safeParse(least).success && schema.safeParse(most).success, `${least} ${most}`);
    assert.ok(!schema.safeParse(below).success && !schema.safeParse(above).success, `${below} ${above}`);
  }
  assert.ok(timerMs.parse("24d") < 2 ** 31);
  assert.equal(messageOf(timerMs, "999999999d"), "write 1ms to 24d");
  assert.equal(messageOf(durationMs, "999999999d"), "write 1ms to 365d");
  assert.equal(messageOf(sizeBytes, "999999999GiB"), "write 1B to 500MiB");
});

function messageOf(schema: z.ZodType, written: unknown): string {
  const parsed = schema.safeParse(written);
  assert.ok(!parsed.success, String(written));
  return parsed.error.issues[0]?.message ?? "";
}
