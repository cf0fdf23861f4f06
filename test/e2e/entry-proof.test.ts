import assert from "node:assert/strict";
import { test } from "node:test";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { verifyInclusion } from "portcullis-verify/log/merkle-proofs.ts";
import { leafHash } from "portcullis-verify/log/merkle-tree.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { parseTlogProof } from "portcullis-verify/log/tlog-proof.ts";
import { adminBench, asOperator, recordCall } from "./admin-bench.ts";

const verifier = noteSigner("gate.example/log", Buffer.alloc(32, 7));

test("each entry has a proof that holds by itself, by its index and by its id", async (t) => {
  const bench = await adminBench(t);
  const ask = asOperator(bench.url);
  for (let calls = 0; calls < 20; calls += 1)
    await recordCall(bench, { request: "{}", source_address: "192.0.2.1" });
  const { size } = await bench.trail.publishCheckpoint();
  assert.ok(size > 40);
  for (let index = 0; index < size; index += 1) {
    const { status, json } = await ask("GET", `/entries/${index}/proof`);
    assert.equal(status, 200);
    const leaf = Buffer.from(json.leaf, "base64");
    const proof = parseTlogProof(json.proof);
    assert.ok(proof.ok);
    const checkpoint = openCheckpoint(proof.value.checkpoint, verifier);
    assert.ok(checkpoint.ok);
    assert.deepEqual(
      [json.index, json.size, checkpoint.value.size, proof.value.index],
      [index, size, size, index],
    );
    assert.equal(json.leaf_hash, Buffer.from(leafHash(leaf)).toString("base64"));
    assert.ok(verifyInclusion(index, size, leafHash(leaf), proof.value.path, checkpoint.value.root));
    const { id } = JSON.parse(leaf.toString());
    assert.deepEqual((await ask("GET", `/entries/${id}/proof`)).json, json);
  }
});

test("an entry that is not sealed has none yet, and one that is not there never", async (t) => {
  const bench = await adminBench(t);
  const ask = asOperator(bench.url);
  const { size } = await bench.trail.publishCheckpoint();
  await recordCall(bench, { request: "{}", source_address: "192.0.2.1" });
  const unsealed = await ask("GET", `/entries/${size}/proof`);
  assert.equal(unsealed.status, 409);
  assert.match(unsealed.json.error.message, /is under no signed checkpoint yet; ask again in a second/);
  assert.equal((await ask("GET", `/entries/${size + 2}/proof`)).status, 404);
  assert.equal((await ask("GET", "/entries/-1/proof")).status, 400);
  assert.equal((await ask("GET", "/entries/0/proof?x=1")).status, 400);
  await bench.trail.publishCheckpoint();
  assert.equal((await ask("GET", `/entries/${size}/proof`)).status, 200);
});
