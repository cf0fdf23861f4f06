// Data of every release is opened by this version: it verifies whole, what is in it can be read, and it goes on from there.

import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { startGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

const fixtures = resolve(import.meta.dirname, "../fixtures");
const releases = readdirSync(fixtures).filter((name) => name.startsWith("release-"));

/** The folder as that release left it, save the pages of its database. */
function folderOf(t: TestContext, release: string): string {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = join(fixtures, release);
  for (const name of ["portcullis.yaml", "policies", "keys"])
    cpSync(join(source, name), join(folder, name), { recursive: true });
  chmodSync(join(folder, "keys"), 0o700);
  for (const name of readdirSync(join(folder, "keys"))) chmodSync(join(folder, "keys", name), 0o600);
  mkdirSync(join(folder, "data"), { mode: 0o700 });
  const database = new DatabaseSync(databaseIn(folder));
  // As a gateway leaves it; text does not say.
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(readFileSync(join(source, "data.sql"), "utf8"));
  database.close();
  return folder;
}

function databaseIn(folder: string): string {
  return join(folder, "data", "portcullis.db");
}

test("there is data of the first release", () => assert.ok(releases.includes("release-0.1")));

for (const release of releases) {
  test(`the data of ${release} verifies, is read and is continued`, async (t) => {
    const folder = folderOf(t, release);
    const gateway = await startGateway(folder);
    t.after(() => gateway.kill());
    assert.equal(gateway.key, null, "its key is there already");
    const verified = gateway.cli("audit", "verify");
    assert.equal(verified.status, 0, verified.stdout + verified.stderr);
    const before = leavesOf(await readTrail(gateway), "call.completed");
    assert.ok(before.length >= 5);
    const shown = gateway.cli("audit", "show", before[0]?.call ?? "", "--json");
    assert.equal(shown.status, 0, shown.stderr);
    const entries: readonly { payloads: readonly { status: string }[] }[] = JSON.parse(shown.stdout);
    const statuses = entries.flatMap(({ payloads }) => payloads.map(({ status }) => status));
    assert.ok(statuses.length >= 3 && statuses.every((status) => status === "matches"), statuses.join());
    assert.match(gateway.cli("secrets", "list").stdout, /providers\/openai/);
    assert.match(gateway.cli("usage", "--by", "model").stdout, /demo\/assistant/);
    const operators = gateway.cli("operators", "list").stdout;
    assert.match(operators, /gives no vote: this log was begun by a version that did not note/);
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${readFileSync(join(fixtures, release, "api-key"), "utf8").trim()}`,
        "content-type": "application/json",
      },
      body: '{"model":"demo/assistant","messages":[{"role":"user","content":"Hello"}]}',
    });
    assert.equal(answer.status, 200, await answer.text());
    await gateway.stop();
    assert.equal(leavesOf(await readTrail(gateway), "call.completed").length, before.length + 1);
  });
}

test("data of a newer version is refused, and left as it is", async (t) => {
  const folder = folderOf(t, releases[0] ?? "");
  const database = new DatabaseSync(databaseIn(folder));
  database.exec("PRAGMA user_version = 1000");
  database.close();
  const bytes = readFileSync(databaseIn(folder));
  await assert.rejects(startGateway(folder), /ended with 2: .*written by a newer portcullis \(version 1000/s);
  assert.deepEqual(readFileSync(databaseIn(folder)), bytes);
});
