// `audit verify --replay`: what a real gateway decided, held and released, evaluated again from its data folder.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import type { VerifyReport } from "portcullis-verify/rules/verify-log.ts";
import { asOwner, heldCall } from "./held-call.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

const binary = resolve(import.meta.dirname, "../../bin/portcullis");
let gateway: TestGateway;

before(async () => {
  gateway = await startGateway();
  const changed = gateway.hangUp("policies activated");
  appendFileSync(
    join(gateway.folder, "policies", "models.cedar"),
    `@id("not-eve") @reason("she left")
     forbid (principal, action == Portcullis::Action::"chat", resource)
     when { context has user && context.user == "eve" };
     @id("long") @approval("default")
     forbid (principal, action == Portcullis::Action::"chat", resource)
     when { context.message_count > 3 } unless { context.approvals.contains("default") };`,
  );
  await changed;
});
after(() => gateway.close());

async function chat(body: object): Promise<void> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${gateway.key}`,
      "content-type": "application/json",
      "x-portcullis-timeout": "0.01",
    },
    body: JSON.stringify({ model: "fast", messages: [{ role: "user", content: "hello" }], ...body }),
  });
  await response.arrayBuffer();
}

/** Of a copy of the data, beside its keys unless they are left behind. */
function replayed(args: readonly string[], change = ""): { report: VerifyReport; status: number | null } {
  const copy = testFolder();
  try {
    for (const part of ["data", "keys"])
      cpSync(join(gateway.folder, part), join(copy, part), { recursive: true });
    const database = new DatabaseSync(join(copy, "data", "portcullis.db"));
    database.exec(change);
    database.close();
    const ran = spawnSync(binary, ["audit", "verify", join(copy, "data"), "--replay", "--json", ...args], {
      encoding: "utf8",
    });
    assert.notEqual(ran.stdout, "", ran.stderr);
    return { report: JSON.parse(ran.stdout), status: ran.status };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

test("every decision gives the outcome on record: permitted, denied, held, released, and on personal facts", async () => {
  const ask = asOwner(gateway);
  await chat({});
  await chat({ user: "ana" });
  await chat({ user: "eve" });
  const message = { role: "user", content: "hello" };
  await chat({ messages: [message, message, message, message] });
  const { approval, answer } = await heldCall(gateway, gateway.key ?? "");
  const vote = { decision: "approve", digest: approval.digest, reason: "" };
  assert.equal((await ask("POST", `/approvals/${approval.id}/votes`, vote)).status, 200);
  assert.match(await answer, /send_email/);

  const { report, status } = replayed(["--payloads"]);
  assert.equal(status, 0);
  assert.deepEqual(
    report.notChecked.filter(({ reason }) => reason === "unreplayable" || reason === "no_replay"),
    [],
  );
  assert.equal(report.replay?.same, report.governance.decisions);
  assert.ok(report.replay.same >= 7);
});

test("without the keys the decisions that rest on personal facts are counted, and the others replayed", () => {
  const { report, status } = replayed([]);
  assert.equal(status, 0);
  const open = report.notChecked.filter(({ reason }) => reason === "unreplayable");
  assert.deepEqual(open, [{ reason: "unreplayable", why: "facts_unknown", decisions: 2 }]);
  assert.equal(report.replay?.same, report.governance.decisions - 2);
});

test("policies that were changed in the data store are found, and those that are gone are said", () => {
  const changed = replayed(
    ["--payloads"],
    "UPDATE policy_revisions SET content = replace(content, 'eve', 'ana')",
  );
  assert.equal(changed.status, 1);
  assert.deepEqual(
    changed.report.findings.map(({ reason }) => reason),
    ["revision_changed"],
  );
  const gone = replayed(["--payloads"], "DELETE FROM policy_revisions");
  assert.equal(gone.status, 0);
  assert.ok(
    gone.report.notChecked.some((one) => one.reason === "unreplayable" && one.why === "revision_missing"),
  );
});

test("a report of the period says who signed off what was sent, and that the log holds", () => {
  const today = new Date().toISOString().slice(0, 10);
  const { status, stdout, stderr } = gateway.cli("audit", "report", "--from", today);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^# Evidence from the log localhost/m);
  assert.match(stdout, /^\*\*It holds\.\*\*/m);
  assert.match(
    stdout,
    /^Writes that were permitted: 1 signed off, 0 unattended in the catalog, 0 without a basis\.$/m,
  );
  assert.match(stdout, /^## Votes \(1\)$/m);
  assert.match(stdout, /\| approve \| for default; signed in by bootstrap; then approved \|$/m);
  assert.match(stdout, /^## Releases \(1\)$/m);

  const csv = gateway.cli("audit", "report", "--from", today, "--csv");
  assert.equal(csv.status, 0, csv.stderr);
  const lines = csv.stdout.trimEnd().split("\r\n");
  assert.equal(lines[0], "entry,time,kind,call,approval,application,who,what,outcome,basis");
  assert.ok(lines.some((line) => line.includes(",tool call decided,") && line.includes("signed off: apr_")));

  for (const args of [["--from", "yesterday"], ["--from", today, "--to", today], []]) {
    assert.equal(gateway.cli("audit", "report", ...args).status, 2);
  }
});

test("people read what was replayed and what was not", () => {
  const { status, stdout } = gateway.cli("audit", "verify", "--replay");
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^replayed: \d+ of \d+ decisions evaluated again with the outcome on record, 0 denied unasked$/m,
  );
  assert.match(stdout, /^not checked: .* for 2 decisions: they rest on personal facts, which are erased/m);
});
