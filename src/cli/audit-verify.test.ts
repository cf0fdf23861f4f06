// `audit verify` on real files that somebody with the database, and without the log's key, has changed.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, type TestContext, test } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { writeTileFolder } from "portcullis-verify/source/tile-folder.test-support.ts";
import { completed, decided, record } from "../audit/trail.test-support.ts";
import { Trail } from "../audit/trail.ts";
import { openSqliteStorage } from "../storage/sqlite/open.ts";
import { runCli } from "./run.ts";

const signer = noteSigner("gate.example/log", Buffer.alloc(32, 7));
const stranger = noteSigner("gate.example/log", Buffer.alloc(32, 8));
const base = mkdtempSync(join(tmpdir(), "portcullis-verify-"));
const activated = leafSamples["policy.activated"];

before(async () => {
  mkdirSync(join(base, "keys"));
  const storage = openSqliteStorage(join(base, "data"));
  const clock = { time: Date.parse("2026-11-23T00:00:00.000Z"), now: () => clock.time };
  const trail = await Trail.open({
    store: storage.log,
    signer,
    headFile: join(base, "keys", "checkpoint"),
    instance: "inst_1",
    version: "0.1.0",
    clock,
    onFault: ({ error }) => {
      throw error;
    },
  });
  await record(trail, activated);
  for (let call = 0; call < 4; call += 1) {
    clock.time += 1_000;
    const salt = trail.newSalt("sub_1");
    await trail.append([trail.encode(decided(`call_${call}`), salt)]);
    await record(trail, completed(`call_${call}`, { response: null }));
    await trail.publishCheckpoint();
  }
  await trail.close();
  await storage.close();
});

after(() => rmSync(base, { recursive: true }));

/** A copy of the gateway's folder, changed by SQL. */
function changed(t: TestContext, sql = ""): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-verify-"));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(base, folder, { recursive: true });
  const database = new DatabaseSync(join(folder, "data", "portcullis.db"));
  database.exec(sql);
  database.close();
  return folder;
}

async function verify(t: TestContext, folder: string, ...args: readonly string[]) {
  const stdout: string[] = [];
  const stderr: unknown[] = [];
  const mocks = [
    t.mock.method(console, "log", (text: string) => stdout.push(text)),
    t.mock.method(console, "error", (text: unknown) => stderr.push(text)),
  ];
  const code = await runCli(["node", "portcullis", "audit", "verify", folder, ...args]);
  for (const { mock } of mocks) mock.restore();
  for (const one of stderr) assert.equal(typeof one, "string", "an error is told in words");
  const told = stdout.join("\n");
  const errors = stderr.join("\n");
  assert.doesNotMatch(told + errors, /^ {4}at /m, "no stack is shown");
  return { code, told, errors, found: told.match(/^FOUND .*/gm) ?? [] };
}

describe("audit verify", () => {
  test("says what it checked and did not check, and that the log holds", async (t) => {
    const { code, told } = await verify(t, base);
    assert.equal(code, 0);
    const lines = told.split("\n");
    assert.match(lines[0] ?? "", /^log gate\.example\/log: 12 entries, 7 checkpoints, 0 not sealed yet$/);
    assert.ok(lines.includes("payload: 4 entries commit to some, the salts of 0 are erased or missing"));
    assert.ok(lines.includes("policy: 1 revisions put in force, 4 decisions"));
    assert.match(told, /^not checked: a head kept elsewhere: the one used lies beside the log/m);
    assert.match(told, /^not checked: whose key signed it/m);
    assert.equal(lines.at(-1), "it holds");

    const named = await verify(
      t,
      base,
      "--vkey",
      signer.vkey,
      "--pin",
      join(base, "keys", "checkpoint"),
      "--json",
    );
    const { ok, notChecked } = JSON.parse(named.told);
    assert.deepEqual(
      [ok, notChecked.map(({ reason }: { reason: string }) => reason)],
      [true, ["salts", "no_replay", "no_witness"]],
    );
  });

  test("says without a pinned head that a rewritten log would not show", async (t) => {
    const folder = changed(t);
    rmSync(join(folder, "keys"), { recursive: true });
    const { code, told } = await verify(t, folder);
    assert.equal(code, 0);
    assert.match(
      told,
      /^not checked: .*own signature only; a rewritten log signed with its key would not show/m,
    );
  });

  const evidence: Readonly<Record<string, readonly [string, RegExp]>> = {
    "the head's frontier": [
      "UPDATE log_head SET frontier = randomblob(length(frontier))",
      /head of 12 entries is not that of the entries/,
    ],
    "a frontier of another length": ["UPDATE log_head SET frontier = x'00'", /no tree found/],
    "the head's size": ["UPDATE log_head SET size = 11", /has 11 entries, and the stored checkpoint .* 12/],
    "a size that no number holds": [
      "UPDATE log_head SET size = 9223372036854775807",
      /head of the log is gone/,
    ],
    "the head": ["DELETE FROM log_head", /head of the log is gone or no head, and there are 12 entries/],
    "the epoch": ["UPDATE log_head SET epoch = 0", /stored epoch is 0, and an entry has 1/],
    "where recovery starts": [
      "UPDATE log_head SET open_from = 1000000",
      /recovery would start at entry 1000000, and the log ends at 12/,
    ],
    "an entry beyond the head": [
      "INSERT INTO entries SELECT size, x'7b7d' FROM log_head",
      /which ends at 12, there are entries: 1/,
    ],
    "an entry below the first": ["INSERT INTO entries VALUES (-1, x'7b7d')", /there are entries: 1/],
    "the root of the last checkpoint": [
      "UPDATE checkpoints SET root = randomblob(32) WHERE size = 12",
      /the root kept with a checkpoint is not that of its signed note/,
    ],
    "the frontier of the last checkpoint": [
      "UPDATE checkpoints SET frontier = randomblob(length(frontier)) WHERE size = 12",
      /the frontier kept with a checkpoint is not that/,
    ],
    "an old checkpoint": [
      "UPDATE checkpoints SET note = 'x' WHERE size = 5",
      /stored checkpoint cannot be believed/,
    ],
    "all ids": [
      "UPDATE entry_ids SET idx = 0",
      /to another entry or nowhere: 11, first that of entry 1 to 0/,
    ],
    "an id's place, past every number": [
      "UPDATE entry_ids SET idx = 9223372036854775807 WHERE idx = 4",
      /nowhere: 1, first that of entry 4/,
    ],
    "an id that is gone": ["DELETE FROM entry_ids WHERE idx = 3", /first that of entry 3 nowhere/],
    "an id too many": ["INSERT INTO entry_ids VALUES (x'00', 5)", /13 ids of entries, for 12 entries/],
    "the log's name, gone": ["DELETE FROM log_identity", /nothing in the store says of which log/],
    "the log's origin": [
      "UPDATE log_identity SET origin = 'other'",
      /calls itself `other`, and its key is that of `gate\.example\/log`/,
    ],
    "the log's key": [
      "UPDATE log_identity SET vkey = 'other'",
      /the log is `other`, not `gate\.example\/log\+/,
    ],
    "an entry": [
      "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'permit', 'denied') AS BLOB) WHERE idx = 3",
      /entry 3: it does not fit the schema/,
    ],
    "all but the head": ["DELETE FROM entries; DELETE FROM log_identity", /entries 0 to 11 are missing/],
  };
  for (const [what, [sql, expected]] of Object.entries(evidence)) {
    test(`finds changed: ${what}`, async (t) => {
      const needsKey = sql.includes("DELETE FROM entries") ? ["--vkey", signer.vkey] : [];
      const { code, told, found } = await verify(t, changed(t, sql), ...needsKey);
      assert.equal(code, 1, told);
      assert.match(found.join("\n"), expected);
      assert.match(told, /it does not hold$/);
    });
  }

  test("counts salts that are gone, and finds nothing wrong in that", async (t) => {
    const { code, told } = await verify(t, changed(t, "DELETE FROM salts"));
    assert.equal(code, 0);
    assert.match(told, /4 entries commit to some, the salts of 4 are erased or missing/);
    const other = await verify(t, changed(t, "UPDATE salts SET salt = randomblob(32)"));
    assert.equal(other.code, 0);
    assert.match(other.told, /not checked: the salts of 4 entries, which only kept payload can contradict/);
  });

  test("takes entries that name no key at all for evidence, and asks for the key", async (t) => {
    const folder = changed(t, "DELETE FROM log_identity; DELETE FROM entries WHERE idx = 0");
    const { code, errors, told } = await verify(t, folder);
    assert.deepEqual([code, told], [1, ""]);
    assert.match(errors, /has 12 entries, and names no key .*--vkey/);
    const named = await verify(t, folder, "--vkey", signer.vkey);
    assert.match(named.found.join("\n"), /entries 0 to 0 are missing/);
  });

  test("tells a log that was emptied from one that was never begun", async (t) => {
    const empty =
      "DELETE FROM log_identity; DELETE FROM entries; DELETE FROM entry_ids; DELETE FROM checkpoints; UPDATE log_head SET size = 0, frontier = x''";
    const folder = changed(t, empty);
    const emptied = await verify(t, folder);
    assert.equal(emptied.code, 1);
    assert.match(emptied.errors, /is empty, and `.*checkpoint` is the head of one: what it had is gone/);
    const named = await verify(t, folder, "--vkey", signer.vkey);
    assert.equal(named.code, 1);
    assert.match(named.found.join("\n"), /has 0 entries, and the pinned checkpoint was signed over 12/);
    rmSync(join(folder, "keys"), { recursive: true });
    const never = await verify(t, folder, "--vkey", signer.vkey);
    assert.deepEqual([never.code, /has not been begun/.test(never.errors)], [2, true]);
  });

  test("holds another's key against the log, and refuses one that is none", async (t) => {
    const other = await verify(t, base, "--vkey", stranger.vkey);
    assert.equal(other.code, 1);
    const none = await verify(t, base, "--vkey", "nonsense");
    assert.deepEqual([none.code, /verifier key cannot be used/.test(none.errors)], [2, true]);
  });

  test("says in words what it could not read: 2, for that is no evidence", async (t) => {
    const damaged = changed(t);
    truncateSync(join(damaged, "data", "portcullis.db"), 40_000);
    const lost = changed(t, "DROP TABLE salts");
    const newer = changed(t, "PRAGMA user_version = 999");
    const text = changed(t);
    writeFileSync(join(text, "data", "portcullis.db"), "no database at all ".repeat(1_000));
    for (const [folder, expected] of [
      [damaged, /cannot be read|could not be checked/],
      [lost, /could not be checked: no such table: salts/],
      [newer, /written by a newer portcullis/],
      [text, /cannot be read/],
      [join(base, "nowhere"), /no database in/],
    ] as const) {
      const { code, errors, told } = await verify(t, folder);
      assert.deepEqual([code, told], [2, ""], errors);
      assert.match(errors, expected);
      assert.match(errors, /^portcullis: /);
    }
  });

  test("checks an exported log, by the head that was seen the last time, and keeps the newest", async (t) => {
    const database = new DatabaseSync(join(base, "data", "portcullis.db"), { readOnly: true });
    const leaves = database
      .prepare("SELECT leaf FROM entries ORDER BY idx")
      .all()
      .flatMap(({ leaf }) => (leaf instanceof Uint8Array ? [leaf] : []));
    database.close();
    const folder = mkdtempSync(join(tmpdir(), "portcullis-verify-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const [whole, part, pin] = [join(folder, "whole"), join(folder, "part"), join(folder, "pin")];
    writeTileFolder(whole, signer, leaves);
    writeTileFolder(part, signer, leaves.slice(0, 5));
    const first = await verify(t, part, "--pin", pin, "--vkey", join(part, "vkey"));
    assert.equal(first.code, 0, first.told);
    assert.match(first.told, /^not checked: what a store keeps beside its entries/m);
    const then = await verify(t, whole, "--pin", pin, "--vkey", signer.vkey, "--json");
    assert.deepEqual([then.code, JSON.parse(then.told).log.checkpoints], [0, 2]);
    const older = await verify(t, part, "--pin", pin, "--vkey", signer.vkey);
    assert.match(older.found.join("\n"), /has 5 entries, and the pinned checkpoint was signed over 12/);
    // The data folder's own log is held against the same head.
    assert.equal((await verify(t, base, "--pin", pin, "--vkey", signer.vkey)).code, 0);
    const sealed = await verify(t, whole, "--pin", pin, "--payloads");
    assert.deepEqual([sealed.code, /a copy has no payload/.test(sealed.errors)], [2, true]);
    const nobody = await verify(t, "http://127.0.0.1:9/log", "--pin", pin);
    assert.deepEqual([nobody.code, /could not be fetched/.test(nobody.errors)], [2, true]);
  });

  test("reads a copy of the first version, its checkpoints too, without changing it", async (t) => {
    const old =
      "DROP INDEX checkpoints_by_time; ALTER TABLE checkpoints DROP COLUMN made_at; PRAGMA user_version = 1";
    const folder = changed(t, old);
    const { code, told } = await verify(t, folder);
    assert.equal(code, 0, told);
    assert.match(told, /^log .*: 12 entries, 7 checkpoints/);
    const database = new DatabaseSync(join(folder, "data", "portcullis.db"), { readOnly: true });
    assert.equal(database.prepare("PRAGMA user_version").get()?.["user_version"], 1);
    database.close();
  });
});
