import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { asOwner, heldCall } from "./held-call.ts";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

/** A command that goes on while the test does; `input` is what it reads. */
function running(gateway: Pick<TestGateway, "folder">, ...args: readonly string[]) {
  const child = spawn(command, [...args, "--dir", gateway.folder], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  const { promise, resolve: ended } = Promise.withResolvers<number | null>();
  child.once("close", ended);
  const waiters = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    for (const waiter of waiters) waiter();
  });
  return {
    child,
    ended: promise,
    output: () => output,
    /** Resolves with the match once the output has it. */
    said: (pattern: RegExp) =>
      new Promise<RegExpExecArray>((found, fails) => {
        const look = (): void => {
          const match = pattern.exec(output);
          if (match !== null) found(match);
        };
        waiters.add(look);
        void promise.then(() => fails(new Error(`it ended without saying ${pattern}: ${output}`)));
        look();
      }),
  };
}

async function interrupt(child: ChildProcess): Promise<void> {
  child.kill("SIGINT");
  if (child.exitCode === null) await once(child, "exit");
}

describe("approvals on the command line", () => {
  let gateway: TestGateway;
  let key: string;
  before(async () => {
    gateway = await startGateway();
    key = gateway.key ?? "";
  });
  after(() => gateway.close());

  test("a script lists what waits and approves it by its id", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    const listed = gateway.cli("approvals", "list", "--json");
    assert.equal(listed.status, 0, listed.stderr);
    const [first, ...others] = JSON.parse(listed.stdout);
    assert.deepEqual(others, []);
    for (const member of ["id", "state", "digest", "tool", "arguments"] as const) {
      assert.equal(first[member], approval[member]);
    }
    assert.match(gateway.cli("approvals", "list").stdout, /pending +send_email +assistant +default 0\/1/);
    const approved = gateway.cli("approvals", "approve", approval.id);
    assert.deepEqual(
      [approved.status, approved.stdout],
      [0, `${approval.id} is approved\n`],
      approved.stderr,
    );
    assert.match(await answer, /"tool_calls"/);
    const viewed = leavesOf(await readTrail(gateway), "approval.viewed");
    assert.ok(viewed.some((leaf) => leaf.approval === approval.id));
    const again = gateway.cli("approvals", "approve", approval.id);
    assert.deepEqual([again.status, again.stdout], [1, ""]);
    assert.match(again.stderr, /is released already/);
    assert.equal(gateway.cli("approvals", "list").stdout, "nothing waits for anybody\n");
    const all = JSON.parse(gateway.cli("approvals", "list", "--state", "all", "--json").stdout);
    assert.equal(all.find((one: { id: string }) => one.id === approval.id).state, "released");
  });

  test("what was edited is approved by a digest alone", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    const file = join(gateway.folder, "changed.json");
    writeFileSync(file, '{"to":"ben@example.com","body":"now\u202e"}\n');
    const edited = gateway.cli("approvals", "edit", approval.id, "--arguments", file, "--reason", "to Ben");
    assert.equal(edited.status, 0, edited.stderr);
    assert.match(edited.stdout, /is revision 2 now/);
    const blind = gateway.cli("approvals", "approve", approval.id, "--yes");
    assert.equal(blind.status, 1);
    assert.match(blind.stderr, /was edited since it was asked for; .*--digest/);
    const shown = gateway.cli("approvals", "show", approval.id.slice(0, -4));
    assert.equal(shown.status, 0, shown.stderr);
    for (const part of [
      /waits for sign-off, \d+ min left/,
      /application assistant/,
      /to +string +│ ben@example\.com/,
      /body +string +│ now<U\+202E>/,
      /│ \{"to":"ben@example.com","body":"now<U\+202E>"\}/,
      /revision 1 was edited by owner@localhost: to Ben/,
      /to: "ana@example\.com" → "ben@example\.com"/,
      /because +a tool that may change state needs a sign-off/,
    ]) {
      assert.match(shown.stdout, part);
    }
    assert.doesNotMatch(shown.stdout, /[^\P{C}\n]/u);
    assert.equal(
      gateway.cli("approvals", "edit", approval.id, "--arguments", file).status,
      1,
      "nothing is changed",
    );
    const stale = gateway.cli("approvals", "approve", approval.id, "--digest", approval.digest);
    assert.equal(stale.status, 1);
    assert.match(stale.stderr, /was edited, and its revision 2/);
    const silent = gateway.cli("approvals", "reject", approval.id);
    assert.deepEqual([silent.status, silent.stdout], [2, ""]);
    assert.match(silent.stderr, /--reason/);
    assert.equal(gateway.cli("approvals", "revoke", approval.id, "--reason", "enough").status, 0);
    await answer;
  });

  test("a rejection says why, and what cannot be named is told apart from what could not run", async () => {
    const { approval, answer } = await heldCall(gateway, key);
    for (const [args, status, message] of [
      [["approve", "apr_01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c"], 1, /there is no approval/],
      [["show", "apr_f"], 1, /no approval's id begins/],
      [["show", "apr_0"], 1, /several approvals begin/],
      [["show", "../keys"], 2, /no approval's id/],
      [["revoke", approval.id], 2, /required option '--reason/],
      [["list", "--state", "open"], 1, /takes states/],
      [["edit", approval.id, "--arguments", "/nowhere"], 2, /cannot be read/],
      [["edit", approval.id], 2, /there is no editor/],
    ] as const) {
      const ran = gateway.cli("approvals", ...args);
      assert.deepEqual([ran.status, ran.stdout], [status, ""], `${args.join(" ")} ${ran.stderr}`);
      assert.match(ran.stderr, message);
    }
    const rejected = gateway.cli("approvals", "reject", approval.id, "--reason", "not today", "--json");
    assert.equal(JSON.parse(rejected.stdout).state, "rejected", rejected.stderr);
    assert.match(await answer, /rejected by owner@localhost: not today/);
  });

  test("list --watch goes on to tell what happens until it is interrupted", async () => {
    const watched = running(gateway, "approvals", "list", "--watch", "--json");
    await watched.said(/"event":"snapshot"/);
    const { approval, answer } = await heldCall(gateway, key);
    await watched.said(new RegExp(`"event":"approval.requested","id":"${approval.id}"`));
    gateway.cli("approvals", "approve", approval.id);
    await watched.said(new RegExp(`"event":"approval.released","id":"${approval.id}"`));
    await answer;
    watched.child.kill("SIGINT");
    assert.equal(await watched.ended, 0);
  });

  test("the tour makes a call, waits for a real decision, and shows what is on record of it", async () => {
    const tour = running(gateway, "demo");
    const [, id = ""] = await tour.said(/approvals approve (apr_[0-9a-f-]+)/);
    const { json } = await asOwner(gateway)("GET", "/approvals?state=pending");
    assert.deepEqual(
      json.approvals.map((one: { id: string }) => one.id),
      [id],
    );
    assert.doesNotMatch(tour.output(), /client gets its answer/);
    assert.equal(gateway.cli("approvals", "approve", id).status, 0);
    assert.equal(await tour.ended, 0, tour.output());
    for (const part of [
      /"name": "send_email"/,
      /\d+ .*approval\.requested/,
      /\d+ .*approval\.viewed/,
      /\d+ .*approval\.voted/,
      /\d+ .*approval\.released/,
      /\d+ .*call\.completed .*ok/,
      /it holds/,
    ]) {
      assert.match(tour.output(), part);
    }
    const keys = leavesOf(await readTrail(gateway), "key.revoked");
    assert.equal(keys.length, 1, "its key is gone");
  });

  test("the tour can be taken without anybody, with a real vote, and a rejection is shown too", async () => {
    const alone = gateway.cli("demo", "--yes");
    assert.equal(alone.status, 0, alone.stdout + alone.stderr);
    assert.match(alone.stdout, /approval\.voted[\s\S]*it holds/);
    const tour = running(gateway, "demo");
    const [, id = ""] = await tour.said(/approvals approve (apr_[0-9a-f-]+)/);
    assert.equal(gateway.cli("approvals", "reject", id, "--reason", "seen enough").status, 0);
    assert.equal(await tour.ended, 0);
    assert.match(tour.output(), /rejected by owner@localhost: seen enough/);
  });

  test("a tour that is interrupted leaves no key behind", async () => {
    const tour = running(gateway, "demo");
    const [, id = ""] = await tour.said(/approvals approve (apr_[0-9a-f-]+)/);
    await interrupt(tour.child);
    assert.equal(await tour.ended, 2);
    const { json } = await asOwner(gateway)("GET", "/keys");
    const active = json.keys.filter((one: { state: string }) => one.state === "active");
    assert.equal(active.length, 1, "the first start's");
    assert.equal(gateway.cli("approvals", "revoke", id, "--reason", "nobody waits").status, 0);
  });
});

test("without a gateway the tour says how to start one", () => {
  const folder = testFolder();
  const { status, stderr } = spawnAlone(folder, "demo");
  assert.equal(status, 2);
  assert.match(stderr, /no gateway was found .* start one with `portcullis up`/);
  rmSync(folder, { recursive: true });
});

function spawnAlone(folder: string, ...args: readonly string[]) {
  return spawnSync(command, args, { cwd: folder, encoding: "utf8" });
}
