import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredCheckpoint } from "../../audit/log-store.ts";
import { witnessCheck } from "./witness-check.ts";

function checkpoint(size: number, time: number): StoredCheckpoint {
  return { size, time, root: Buffer.alloc(32), note: "", frontier: [] };
}

async function found(latest: StoredCheckpoint | null, witnessed: StoredCheckpoint | null, witnesses = 2) {
  const log = { latestCheckpoint: async () => latest, witnessedCheckpoint: async () => witnessed };
  const [finding, ...more] = await witnessCheck(log, witnesses, true);
  assert.deepEqual(more, []);
  return finding;
}

test("witnesses that are a minute behind the last checkpoint are told, and those that keep up are not", async () => {
  const minute = 60_000;
  assert.equal((await found(null, null, 0))?.state, "skipped");
  assert.equal((await found(null, null))?.state, "skipped");
  assert.equal((await found(checkpoint(9, minute), null))?.state, "warning");
  assert.equal((await found(checkpoint(9, minute), checkpoint(9, minute)))?.state, "ok");
  assert.equal((await found(checkpoint(9, minute), checkpoint(8, 1)))?.state, "ok");
  const late = await found(checkpoint(9, minute + 1), checkpoint(7, 0));
  assert.equal(late?.state, "warning");
  assert.match(late?.says ?? "", /the first 7 of 9 entries/);
});
