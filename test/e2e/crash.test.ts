// kill -9 with calls of every kind under way. What a client was told is on record as it was told, and everything else has
// exactly one end.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";
import { killUnderLoad, neverDone, type Told } from "./crash-load.ts";
import { startGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const rounds = 5;

test("after kill -9 under mixed load every call has exactly one completion, and what was told is not `unknown`", async (t) => {
  const upstream = await neverDone();
  t.after(() => upstream.close());
  const folder = testFolder({
    "portcullis.yaml": `providers:
  demo: { type: demo }
  slow: { type: openai, base_url: "${upstream.baseUrl}" }
tools:
  send_email: { effect: write }
  book_room: { effect: write, unattended: "rooms cost nothing" }
applications:
  - { name: assistant }
approvals: { wait: 0s }
`,
  });
  let running = await startGateway(folder);
  t.after(() => running.kill());
  const { key } = running;
  assert.ok(key !== null);
  const trail: Leaf[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const told = await killUnderLoad(running, key, 30 + 11 * round);
    running = await startGateway(folder);
    const verified = running.cli("audit", "verify");
    assert.equal(verified.status, 0, verified.stdout + verified.stderr);
    const before = unknowns(trail);
    trail.push(...(await readTrail(running, trail.length)));
    assertEachEndedOnce(trail);
    assertToldIsOnRecord(trail, told);
    assert.ok(unknowns(trail) > before, "streams were open when it was killed");
  }
  await running.close();
});

function unknowns(trail: readonly Leaf[]): number {
  return leavesOf(trail, "call.completed").filter((leaf) => leaf.outcome === "unknown").length;
}

function assertEachEndedOnce(trail: readonly Leaf[]): void {
  const decided = leavesOf(trail, "call.decided").map((leaf) => leaf.call);
  const completed = leavesOf(trail, "call.completed").map((leaf) => leaf.call);
  assert.equal(new Set(decided).size, decided.length);
  assert.deepEqual(completed.toSorted(), decided.toSorted());
}

function assertToldIsOnRecord(trail: readonly Leaf[], told: readonly Told[]): void {
  const ends = new Map(leavesOf(trail, "call.completed").map((leaf) => [leaf.call, leaf.outcome]));
  const actions = leavesOf(trail, "action.decided");
  for (const { kind, call, outcome } of told) {
    assert.equal(ends.get(call), outcome, `${kind} ${call}`);
    const decisions = actions.filter((leaf) => leaf.call === call).map((leaf) => leaf.decision);
    const expected = kind === "released" ? ["permit"] : outcome === "held" ? ["hold"] : [];
    assert.deepEqual(decisions, expected, `${kind} ${call}`);
  }
}
