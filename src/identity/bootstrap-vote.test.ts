import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { BootstrapVote } from "./bootstrap-vote.ts";
import { MemoryOperatorStore } from "./operator-store.test-support.ts";

function bench(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-vote-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "bootstrap-vote-ended");
  const store = new MemoryOperatorStore();
  return { folder, path, store, open: () => BootstrapVote.open(store, path) };
}

test("it is there until something ends it, and what ended it first is what is told", async (t) => {
  const { path, store, open } = bench(t);
  const vote = await open();
  assert.deepEqual([await vote.endedBy(), vote.endKept], [null, false]);
  await Promise.all([vote.end("provider_used"), vote.end("operator_invited")]);
  assert.deepEqual(
    [await vote.endedBy(), vote.endKept, store.ended],
    ["provider_used", true, "provider_used"],
  );
  assert.equal(readFileSync(path, "utf8"), "provider_used\n");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await (await open()).endedBy(), "provider_used");
});

test("whoever can write the data store does not bring it back, nor whoever has the file of its end changed", async (t) => {
  const { path, store, open } = bench(t);
  await (await open()).end("operator_invited");
  store.ended = null;
  assert.equal(await (await open()).endedBy(), "operator_invited");
  assert.equal(store.ended, "operator_invited", "it is put back where it was removed");
  for (const text of ["", "never", "null"]) {
    store.ended = null;
    writeFileSync(path, text);
    assert.equal(await (await open()).endedBy(), "unknown_use", text);
  }
  rmSync(path);
  assert.equal(await (await open()).endedBy(), "unknown_use");
  assert.equal(readFileSync(path, "utf8"), "unknown_use\n");
});

test("what another gateway has ended has ended here", async (t) => {
  const { store, open } = bench(t);
  const vote = await open();
  store.ended = "provider_used";
  assert.equal(await vote.endedBy(), "provider_used");
});

test("it has ended here as soon as that is asked for, and is kept when the disk is back", async (t) => {
  const { folder, store, open } = bench(t);
  const vote = await open();
  store.beforeChange = () => Promise.reject(new Error("the disk is full"));
  await assert.rejects(vote.end("provider_used"), /the disk is full/);
  await assert.rejects(vote.endedBy(), /the disk is full/);
  assert.equal(vote.endKept, false);
  store.beforeChange = () => {};
  rmSync(folder, { recursive: true });
  await assert.rejects(vote.end("provider_used"), /ENOENT/);
  assert.deepEqual([store.ended, vote.endKept], ["provider_used", false]);
});

test("while the store cannot say whether it has ended, nobody is told that it has not", async (t) => {
  const { store, open } = bench(t);
  const vote = await open();
  store.bootstrapEnd = () => Promise.reject(new Error("no answer"));
  await assert.rejects(vote.endedBy(), /no answer/);
  await assert.rejects(open(), /no answer/);
});
