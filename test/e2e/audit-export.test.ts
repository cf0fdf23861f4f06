import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { openCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { parseVerifierKey } from "portcullis-verify/log/signed-note.ts";
import { decodeBundle, tilePath } from "portcullis-verify/log/tiles.ts";
import { z } from "zod";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

async function call(gateway: TestGateway): Promise<void> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
    body: '{"model":"demo/assistant","messages":[{"role":"user","content":"Hello"}]}',
  });
  assert.equal(answer.status, 200, await answer.text());
}

/** Resolves with the size of the log once all that is in it now is under a checkpoint. */
async function sealed({ url, folder }: TestGateway): Promise<number> {
  const keys = join(folder, "keys");
  const { token } = JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8"));
  const asked = await fetch(`${url}/api/entries?limit=1`, { headers: { authorization: `Bearer ${token}` } });
  const { entries } = z
    .object({ entries: z.tuple([z.object({ index: z.int() })]) })
    .parse(await asked.json());
  const watcher = watch(keys);
  try {
    for (;;) {
      const changed = once(watcher, "change");
      const [, size] = readFileSync(join(keys, "checkpoint"), "utf8").split("\n");
      if (Number(size) > entries[0].index) return Number(size);
      await changed;
    }
  } finally {
    watcher.close();
  }
}

test("what a gateway copies and what it serves is what the verifier checks, decisions of the copy too", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.kill());
  const [out, pin] = [join(testFolder(), "copy"), join(testFolder(), "pin")];
  t.after(() => rmSync(out, { recursive: true }));
  await call(gateway);
  await sealed(gateway);
  const { status, stdout, stderr } = gateway.cli("audit", "export", "--out", out, "--json");
  assert.equal(status, 0, stderr);
  const { vkey, entries } = JSON.parse(stdout);
  const copy = gateway.cli("audit", "verify", out, "--vkey", vkey, "--pin", pin, "--replay", "--json");
  assert.equal(copy.status, 0, copy.stdout + copy.stderr);
  const { log, replay } = JSON.parse(copy.stdout);
  assert.deepEqual([log.entries, log.unsealed, log.tiles, replay.same], [entries, 0, 1, 1]);
  assert.equal(readFileSync(pin, "utf8"), readFileSync(join(out, "checkpoint"), "utf8"));

  const { token } = JSON.parse(readFileSync(join(gateway.folder, "data", "operator.json"), "utf8"));
  const served = gateway.cli(
    ...["audit", "verify", `${gateway.url}/log`, "--vkey", vkey, "--pin", pin, "--token", token, "--json"],
  );
  assert.equal(served.status, 0, served.stdout + served.stderr);
  const report = JSON.parse(served.stdout);
  assert.ok(report.log.entries >= entries && report.log.pinned);
  // The head of the one is held against the other.
  await call(gateway);
  await sealed(gateway);
  const later = gateway.cli("audit", "verify", `${gateway.url}/log`, "--pin", pin, "--token", token);
  assert.equal(later.status, 0, later.stdout + later.stderr);
  const older = gateway.cli("audit", "verify", out, "--pin", pin);
  assert.equal(older.status, 1);
  assert.match(older.stdout, /pinned checkpoint was signed over/);
  assert.match(gateway.cli("audit", "verify", `${gateway.url}/log`).stderr, /give a token with --token/);
});

test("the log of a running gateway is copied, and the copy brought up to date", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.kill());
  const out = join(testFolder(), "copy");
  t.after(() => rmSync(out, { recursive: true }));
  await call(gateway);
  await sealed(gateway);
  const first = gateway.cli("audit", "export", "--out", out);
  assert.equal(first.status, 0, first.stderr);
  assert.match(
    first.stdout,
    /: log \S+, \d+ entries, of which \d+ are new\ncheck it with `portcullis audit verify /,
  );
  await call(gateway);
  await sealed(gateway);
  const second = gateway.cli("audit", "export", "--out", out, "--json");
  assert.equal(second.status, 0, second.stderr);
  const { path, vkey, entries, added, root, policies } = JSON.parse(second.stdout);
  assert.deepEqual([path, policies], [out, { copied: 0, missing: [] }]);
  assert.ok(added > 0 && added < entries, second.stdout);

  const key = parseVerifierKey(vkey);
  assert.ok(key.ok);
  const checkpoint = openCheckpoint(readFileSync(join(out, "checkpoint"), "utf8"), key.value);
  assert.ok(checkpoint.ok);
  assert.equal(checkpoint.value.size, entries);
  assert.equal(Buffer.from(checkpoint.value.root).toString("base64"), root);
  const bundle = readFileSync(join(out, tilePath({ level: "entries", index: 0, width: entries })));
  const leaves = decodeBundle(bundle, entries);
  assert.ok(leaves.ok);
  const types = leaves.value.map((leaf) => JSON.parse(Buffer.from(leaf).toString()).type);
  assert.equal(types.filter((type) => type === "call.completed").length, 2);
  const revisions = readdirSync(join(out, "revisions"));
  assert.ok(revisions.length > 0);
  for (const name of revisions)
    assert.equal(`${hash("sha256", readFileSync(join(out, "revisions", name)))}.json`, name);

  await gateway.stop();
  const third = gateway.cli("audit", "export", "--out", out);
  assert.equal(third.status, 0, third.stderr);
  rmSync(gateway.folder, { recursive: true });
});

test("the log behind a URL is copied, a gateway's and one of another copy, and verifies", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.kill());
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  await call(gateway);
  await sealed(gateway);
  const { token } = JSON.parse(readFileSync(join(gateway.folder, "data", "operator.json"), "utf8"));
  const copy = (out: string, ...args: readonly string[]) =>
    copied(join(folder, out), "--from-url", ...args, "--json");
  const first = await copy("first", `${gateway.url}/log`, "--token", token);
  assert.equal(first.code, 0, first.stderr);
  const { entries, vkey, policies } = JSON.parse(first.stdout);
  assert.ok(policies.copied > 0 && policies.missing.length === 0, first.stdout);
  const again = await copy("first", `${gateway.url}/log/`, "--token", token, "--vkey", vkey);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(gateway.cli("audit", "verify", join(folder, "first"), "--vkey", vkey, "--replay").status, 0);
  assert.equal((await copy("refused", `${gateway.url}/log`)).code, 2, "it takes a token");

  const server = createServer((request, response) => {
    const file = join(folder, "first", request.url ?? "");
    if (!existsSync(file)) return response.writeHead(404).end();
    return response.end(readFileSync(file));
  });
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const second = await copy("second", `http://127.0.0.1:${port}`, "--vkey", vkey);
  assert.equal(second.code, 0, second.stderr);
  assert.ok(JSON.parse(second.stdout).entries >= entries);
  assert.deepEqual(
    readdirSync(join(folder, "second"), { recursive: true, encoding: "utf8" }).toSorted(),
    readdirSync(join(folder, "first"), { recursive: true, encoding: "utf8" }).toSorted(),
  );
  server.close();
  await gateway.close();
});

/** Not waited for by this process, which may be what serves the log. */
function copied(out: string, ...args: readonly string[]): Promise<Ended> {
  const command = resolve(import.meta.dirname, "../../bin/portcullis");
  return new Promise((done) => {
    execFile(command, ["audit", "export", "--out", out, ...args], (error, stdout, stderr) =>
      done({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

test("what cannot be copied is said, by exit code too, and no copy is begun", async (t) => {
  const [one, other] = [await startGateway(), await startGateway()];
  for (const gateway of [one, other]) t.after(() => gateway.kill());
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  const out = join(folder, "copy");
  assert.equal(one.cli("audit", "export", "--out", out).status, 0);
  const others = other.cli("audit", "export", "--out", out);
  assert.equal(others.status, 1);
  assert.match(others.stderr, /another log was expected: the key is/);
  mkdirSync(join(folder, "things"));
  writeFileSync(join(folder, "things", "notes.txt"), "mine");
  const things = one.cli("audit", "export", "--out", join(folder, "things"));
  assert.equal(things.status, 1);
  assert.match(things.stderr, /holds other things than a copy of a log; name an empty folder/);
  assert.deepEqual(readdirSync(join(folder, "things")), ["notes.txt"]);
  const file = one.cli("audit", "export", "--out", join(folder, "things", "notes.txt"));
  assert.equal(file.status, 2);
  assert.match(file.stderr, /could not be copied to/);
  assert.equal(one.cli("audit", "export").status, 2);
  const nowhere = one.cli("audit", "export", "--out", join(folder, "none"), "--config", "nowhere.yaml");
  assert.equal(nowhere.status, 2);
  assert.equal(existsSync(join(folder, "none")), false);
  for (const gateway of [one, other]) await gateway.close();
});
