import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileSystemCheck, roomCheck, syncCheck, writeAheadLogCheck } from "./disk-checks.ts";
import { clockCheck } from "./log-checks.ts";

const dayMs = 86_400_000;
const use = { held: false, process: null, databaseBytes: 1024 ** 3, writeAheadLogBytes: 0 };

function stateOf(findings: readonly { readonly state: string }[]): string {
  assert.equal(findings.length, 1);
  return findings[0]?.state ?? "";
}

test("a log that fills the disk within days is a problem, and one too young to tell from is not", () => {
  const fast = { ...use, databaseBytes: Number.MAX_SAFE_INTEGER };
  const [found] = roomCheck(tmpdir(), fast, { entries: 10, spanMs: dayMs });
  assert.equal(found?.state, "problem");
  assert.match(found?.says ?? "", /at this pace for 0 days/);
  assert.ok(found?.advice !== null);
  const slow = { ...use, databaseBytes: 1 };
  assert.match(roomCheck(tmpdir(), slow, { entries: 10, spanMs: dayMs })[0]?.says ?? "", /for 36500 days/);
  for (const growth of [null, { entries: 10, spanMs: 1000 }])
    assert.match(roomCheck(tmpdir(), fast, growth)[0]?.says ?? "", /too little on record/);
});

test("a sync is timed with a file that is gone again", () => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-doctor-"));
  assert.match(syncCheck(folder)[0]?.says ?? "", /durable in [\d.]+ ms/);
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
  assert.throws(() => syncCheck(folder), /ENOENT/);
});

test("memory is no place for data", { skip: !existsSync("/dev/shm") && "there is no /dev/shm here" }, () => {
  assert.equal(stateOf(fileSystemCheck("/dev/shm")), "warning");
});

test("a write-ahead log that is not folded in is told", () => {
  assert.equal(stateOf(writeAheadLogCheck(use)), "ok");
  assert.equal(stateOf(writeAheadLogCheck({ ...use, writeAheadLogBytes: 1024 ** 3 })), "warning");
  assert.equal(stateOf(writeAheadLogCheck(null)), "skipped");
});

test("a clock behind the newest entry is told, and is a problem when nothing is recorded for it", () => {
  const times = { size: 1, first: 0, newest: 10 * dayMs };
  assert.equal(stateOf(clockCheck(times, 10 * dayMs)), "ok");
  assert.equal(stateOf(clockCheck(times, 10 * dayMs - 30_000)), "warning");
  assert.equal(stateOf(clockCheck(times, 9 * dayMs)), "problem");
});
