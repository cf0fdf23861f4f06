// Deciding as a person does: at a terminal, with keys, a question that has to be answered, and an editor.

import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { asOwner, heldCall } from "./held-call.ts";
import { withoutCommand } from "./needs.ts";
import { atTerminal, ctrlC, ctrlD } from "./terminal.ts";
import { startGateway, type TestGateway } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const skip = withoutCommand("script", "install util-linux (Debian: bsdutils)");

describe("at a terminal", { skip }, () => {
  let gateway: TestGateway;
  let key: string;
  before(async () => {
    gateway = await startGateway();
    key = gateway.key ?? "";
  });
  after(() => gateway.close());

  const stateOf = async (id: string): Promise<string> => {
    const { json } = await asOwner(gateway)("GET", "/approvals");
    return json.approvals.find((one: { id: string }) => one.id === id).state;
  };
  const votesOn = async (id: string): Promise<readonly string[]> =>
    leavesOf(await readTrail(gateway), "approval.voted")
      .filter((leaf) => leaf.approval === id)
      .map(({ decision }) => decision);
  const activeKeys = async (): Promise<number> => {
    const { json } = await asOwner(gateway)("GET", "/keys");
    return json.keys.filter((one: { state: string }) => one.state === "active").length;
  };
  /** A tour that waits for a key, and what it waits for. */
  const tour = async () => {
    const terminal = atTerminal(gateway, ["demo"]);
    const [, id = ""] = await terminal.shows(/approvals approve (apr_[0-9a-f-]+)/);
    await terminal.shows(/press a to approve, r to reject, q to leave/);
    return { terminal, id };
  };

  test("a tour is approved with a key, and shows the answer, the entries and that the trail holds", async () => {
    const { terminal, id } = await tour();
    assert.match(terminal.shown(), /to +string +│ ana@example\.com/);
    assert.equal(await stateOf(id), "pending");
    terminal.press("\x1b[Ax");
    terminal.press("a");
    assert.equal(await terminal.ended, 0, terminal.shown());
    for (const part of [/"name": "send_email"/, /approval\.voted/, /approval\.released/, /it holds/])
      assert.match(terminal.shown(), part);
    assert.deepEqual(await votesOn(id), ["approve"]);
    assert.equal(await stateOf(id), "released");
  });

  test("a tour is rejected with a key, and the client is told", async () => {
    const { terminal, id } = await tour();
    terminal.press("R");
    assert.equal(await terminal.ended, 0, terminal.shown());
    assert.match(terminal.shown(), /rejected by owner@localhost: the tour wanted to see a rejection/);
    assert.deepEqual(await votesOn(id), ["reject"]);
  });

  test("a tour that is left by Ctrl-C or q decides nothing and leaves no key behind", async () => {
    for (const keys of [ctrlC, "q"]) {
      const { terminal, id } = await tour();
      assert.equal(await activeKeys(), 2);
      terminal.press(keys);
      assert.equal(await terminal.ended, 2, terminal.shown());
      assert.match(terminal.shown(), /the tour was interrupted; what it asked for waits on/);
      assert.equal(await activeKeys(), 1);
      assert.deepEqual([await stateOf(id), await votesOn(id)], ["pending", []]);
      assert.equal(gateway.cli("approvals", "revoke", id, "--reason", "nobody waits").status, 0);
    }
  });

  test("an approval is given by a yes to what is shown, and by nothing else", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    for (const keys of ["n\r", "\r", "yep\r", ctrlD, ctrlC]) {
      const asked = atTerminal(gateway, ["approvals", "approve", approval.id]);
      await asked.shows(/ana@example\.com[\s\S]*Approve exactly this\? \[y\/N\] /);
      asked.press(keys);
      assert.equal(await asked.ended, 1, asked.shown());
      assert.match(asked.shown(), /nothing was decided/);
    }
    assert.deepEqual([await stateOf(approval.id), await votesOn(approval.id)], ["pending", []]);
    const asked = atTerminal(gateway, ["approvals", "approve", approval.id]);
    await asked.shows(/Approve exactly this\? \[y\/N\] /);
    asked.press("Yes\r");
    assert.equal(await asked.ended, 0, asked.shown());
    assert.match(asked.shown(), new RegExp(`${approval.id} is approved`));
    assert.match(await answer, /"tool_calls"/);
  });

  test("a rejection asks why, and does nothing without a reason", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    for (const keys of ["  \r", ctrlC]) {
      const asked = atTerminal(gateway, ["approvals", "reject", approval.id]);
      await asked.shows(/Why\? /);
      asked.press(keys);
      assert.equal(await asked.ended, 2, asked.shown());
      assert.match(asked.shown(), /say why it is rejected/);
    }
    assert.equal(await stateOf(approval.id), "pending");
    const asked = atTerminal(gateway, ["approvals", "reject", approval.id]);
    await asked.shows(/Why\? /);
    asked.press("wrong address\r");
    assert.equal(await asked.ended, 0, asked.shown());
    assert.match(await answer, /rejected by owner@localhost: wrong address/);
  });

  test("an edit is what the editor leaves, and one that changes nothing or fails is none", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    const editor = (name: string, script: string): Readonly<Record<string, string>> => {
      const path = join(gateway.folder, `${name} editor.sh`);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return { EDITOR: `'${path}'`, VISUAL: `'${path}'` };
    };
    const edit = (environment: Readonly<Record<string, string>>) =>
      atTerminal(gateway, ["approvals", "edit", approval.id, "--reason", "to Ben"], environment);
    for (const [environment, status, said] of [
      [editor("idle", "test -t 0 && test -t 1"), 1, /nothing was changed/],
      [editor("failing", 'echo "{}" > "$1"; exit 3'), 2, /the editor .* failed, so nothing was changed/],
    ] as const) {
      const edited = edit(environment);
      assert.equal(await edited.ended, status, edited.shown());
      assert.match(edited.shown(), said);
    }
    assert.equal(leavesOf(await readTrail(gateway), "approval.edited").length, 0);
    const edited = edit(editor("busy", `sed -i 's/ana@example.com/ben@example.com/' "$1"`));
    assert.equal(await edited.ended, 0, edited.shown());
    assert.match(edited.shown(), /is revision 2 now[\s\S]*you have edited it, so others decide on it/);
    const { json } = await asOwner(gateway)("GET", `/approvals/${approval.id}`);
    assert.equal(JSON.parse(json.approval.arguments).to, "ben@example.com");
    const own = atTerminal(gateway, ["approvals", "approve", approval.id]);
    await own.shows(/revision 1 was edited by owner@localhost[\s\S]*Approve exactly this\? \[y\/N\] /);
    own.press("y\r");
    assert.equal(await own.ended, 1, own.shown());
    assert.match(own.shown(), /whoever wrote something does not decide on it/);
    assert.equal(gateway.cli("approvals", "revoke", approval.id, "--reason", "enough").status, 0);
    await answer;
  });
});
