// What was decided is kept for as long as the config says and then removed, at a real gateway: what waits stays, and whoever
// asks for what is gone is told where its entries are.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { asOwner, heldCall } from "./held-call.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const config = (keep: string): string => `server: { listen: "127.0.0.1:0" }
providers: { demo: { type: demo } }
groups: { operators: [owner@localhost] }
sign_offs: { default: { approvers: ["group:operators"], use_within: 1s } }
approvals: { keep_decided: ${keep} }
applications: [{ name: assistant }]
`;

/** Waits until nothing that was decided can be picked up any more, as the stopped gateway left it. */
async function over({ folder }: TestGateway): Promise<void> {
  const database = new DatabaseSync(join(folder, "data", "portcullis.db"), { readOnly: true });
  const row = database.prepare("SELECT max(over_at) AS last, count(*) AS holds FROM holds").get();
  database.close();
  assert.equal(row?.["holds"], 2);
  await delay(Math.max(0, Number(row["last"]) + 1_000 - Date.now()));
}

test("what was decided is removed when it was kept for its time, and what waits is not", async (t) => {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "portcullis.yaml");
  writeFileSync(file, config("30d"));
  const first = await startGateway(folder);
  t.after(() => first.kill());
  const { approval: decided, answer } = await heldCall(first, first.key ?? "");
  assert.equal(first.cli("approvals", "reject", decided.id, "--reason", "no").status, 0);
  await answer;
  const { approval: waits, answer: told } = await heldCall(first, first.key ?? "");
  await first.stop();
  assert.match(await told, /approval_pending/);
  await over(first);

  const kept = await startGateway(folder);
  t.after(() => kept.kill());
  assert.equal(kept.cli("approvals", "show", decided.id).status, 0, "by the config it is kept");
  await kept.stop();
  writeFileSync(file, config("1s"));
  const last = await startGateway(folder);
  t.after(() => last.kill());
  const ask = asOwner(last);
  // The start sweeps while it answers.
  let shown = await ask("GET", `/approvals/${decided.id}`);
  while (shown.status === 200) shown = await ask("GET", `/approvals/${decided.id}`);
  assert.equal(shown.status, 410, shown.text);
  const show = last.cli("approvals", "show", decided.id);
  assert.deepEqual([show.status, show.stdout], [1, ""]);
  assert.match(show.stderr, /is not kept any more: .*`portcullis audit list --approval apr_/);
  const approve = last.cli("approvals", "approve", decided.id, "--digest", decided.digest);
  assert.match(approve.stderr, /is not kept any more/);
  const entries = last.cli("audit", "list", "--approval", decided.id, "--json");
  const types = JSON.parse(entries.stdout).map((entry: { leaf: { type: string } }) => entry.leaf.type);
  assert.deepEqual(types.slice(0, 3), ["approval.requested", "approval.voted", "approval.closed"]);
  const never = decided.id.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
  assert.match(last.cli("approvals", "show", never).stderr, /there is no approval/);

  const listed = JSON.parse(last.cli("approvals", "list", "--state", "all", "--json").stdout);
  assert.deepEqual(
    listed.map(({ id, state }: { id: string; state: string }) => [id, state]),
    [[waits.id, "pending"]],
  );
  assert.equal(last.cli("approvals", "approve", waits.id).status, 0);
  const recorded = leavesOf(await readTrail(last), "approval.vote_refused");
  assert.deepEqual(recorded, [], "a vote on what is not there is no entry");
  await last.stop();
});
