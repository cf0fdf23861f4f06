// The command as auditors run it: a process, on folders and against a server.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { encodeLeaf } from "../leaves/leaf.ts";
import { leafSamples } from "../leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "../leaves/leaf-schema.ts";
import { noteSigner } from "../log/signed-note.ts";
import { writeTileFolder } from "../source/tile-folder.test-support.ts";

const command = join(import.meta.dirname, "../../bin/portcullis-verify");
const signer = noteSigner("gate.example/log", Buffer.alloc(32, 7));
const base = mkdtempSync(join(tmpdir(), "portcullis-verify-"));
after(() => rmSync(base, { recursive: true }));

const began = Date.parse("2026-11-25T21:00:00.000Z");

function leafOf(body: LeafBody, at: number): Uint8Array {
  const hex = (began + at).toString(16).padStart(12, "0");
  const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(at).padStart(12, "0")}`;
  const encoded = encodeLeaf(body, { id, time: new Date(began + at).toISOString(), instance: "inst_1" });
  assert.ok(encoded.ok);
  return encoded.value;
}

/** A log with so many calls; a shorter one is the beginning of a longer one. */
function leavesOf(calls: number): readonly Uint8Array[] {
  const { "log.created": created, "log.opened": opened, "policy.activated": activated } = leafSamples;
  const bodies: LeafBody[] = [{ ...created, origin: signer.name, vkey: signer.vkey }, opened, activated];
  for (let call = 0; call < calls; call += 1) {
    bodies.push({ ...leafSamples["call.decided"], call: `call_${call}` });
    bodies.push({ ...leafSamples["call.completed"], call: `call_${call}` });
  }
  return bodies.map(leafOf);
}

let folders = 0;

function folderOf(leaves: readonly Uint8Array[]): string {
  folders += 1;
  const folder = join(base, `log-${folders}`);
  writeTileFolder(folder, signer, leaves);
  return folder;
}

interface Ran {
  readonly code: number | string | null;
  readonly told: string;
  readonly errors: string;
}

function run(...args: readonly string[]): Promise<Ran> {
  const env = { ...process.env, XDG_STATE_HOME: join(base, "state"), NO_COLOR: "1", PORTCULLIS_TOKEN: "" };
  return new Promise((resolve) => {
    execFile(command, args, { env }, (fault, told, errors) =>
      resolve({ code: fault === null ? 0 : (fault.code ?? null), told, errors }),
    );
  });
}

describe("portcullis-verify", () => {
  it("says by layers what it checked and what not, and keeps the head", async () => {
    const folder = folderOf(leavesOf(300));
    const pin = join(base, "pin-of-one");
    const first = await run(folder, "--pin", pin);
    assert.equal(first.code, 0, first.told + first.errors);
    const lines = first.told.trimEnd().split("\n");
    assert.equal(lines[0], "log gate.example/log: 603 entries, 1 checkpoints, 0 not sealed yet");
    assert.ok(lines.includes(`head kept outside: \`${pin}\`, of which there is none yet`));
    for (const line of [
      "tiles: 4 are those of the entries",
      "log: holds",
      "governance: holds",
      "replay: not done",
    ]) {
      assert.ok(lines.includes(line), line);
    }
    assert.match(first.told, /^not checked: whose key signed it/m);
    assert.match(first.told, /^not checked: what a store keeps beside its entries/m);
    assert.equal(lines.at(-1), "it holds");
    assert.equal(readFileSync(pin, "utf8"), readFileSync(join(folder, "checkpoint"), "utf8"));

    const again = await run(folder, "--pin", pin, "--vkey", join(folder, "vkey"), "--json");
    const { ok, log, notChecked } = JSON.parse(again.told);
    assert.deepEqual([again.code, ok, log.pinned, log.checkpoints, log.entries], [0, true, true, 2, 603]);
    assert.deepEqual(
      notChecked.map(({ reason }: { readonly reason: string }) => reason),
      ["copy", "no_replay", "no_witness"],
    );
  });

  it("moves the kept head on with the log, and never back: an older copy is evidence", async () => {
    const [shorter, longer] = [folderOf(leavesOf(5)), folderOf(leavesOf(200))];
    const forked = folderOf([...leavesOf(199), leafOf(leafSamples["key.created"], 9_999)]);
    const pin = join(base, "pin-of-two");
    assert.equal((await run(shorter, "--pin", pin)).code, 0);
    assert.equal((await run(longer, "--pin", pin)).code, 0);
    const kept = readFileSync(pin, "utf8");
    assert.equal(kept, readFileSync(join(longer, "checkpoint"), "utf8"));
    const older = await run(shorter, "--pin", pin);
    assert.equal(older.code, 1);
    assert.match(
      older.told,
      /^FOUND the log has 13 entries, and the pinned checkpoint was signed over 403$/m,
    );
    assert.match(older.told, /^log: does not hold$/m);
    const other = await run(forked, "--pin", pin);
    assert.equal(other.code, 1);
    assert.match(other.told, /^FOUND .*pinned checkpoint/m);
    assert.equal(readFileSync(pin, "utf8"), kept, "what does not hold is not kept");
  });

  it("keeps the head of each log in a file of its own, unless it is told where", async () => {
    const [shorter, longer] = [folderOf(leavesOf(3)), folderOf(leavesOf(4))];
    assert.equal((await run(longer)).code, 0);
    const older = await run(shorter);
    assert.equal(older.code, 1);
    assert.match(
      older.told,
      /head kept outside: `.*state\/portcullis-verify\/gate\.example%2Flog\+[0-9a-f]{8}`/,
    );
  });

  it("could not check: no log, no key, no such option, a pin that is none of a file", async () => {
    const folder = folderOf(leavesOf(1));
    const [nowhere, noKey] = [join(base, "nowhere"), join(base, "no.key")];
    writeFileSync(noKey, "no key");
    for (const [args, expected] of [
      [[], /name one folder or URL/],
      [[folder, folder], /name one folder or URL/],
      [[folder, "--pim", "x"], /'--pim'/],
      [[nowhere], /there is no log at/],
      [[folder, "--vkey", "nonsense"], /verifier key cannot be used.*no file of that name/],
      [[folder, "--vkey", noKey], /the key in `.*no\.key` cannot be used/],
      [[folder, "--pin", base], /the head kept outside: EISDIR/],
      [["http://127.0.0.1:9/log"], /could not be fetched/],
    ] as const) {
      const { code, told, errors } = await run(...args);
      assert.deepEqual([code, told], [2, ""], errors);
      assert.match(errors, expected);
      assert.match(errors, /^portcullis-verify: /);
      assert.doesNotMatch(errors, /^ {4}at /m, "no stack is shown");
    }
  });

  it("finds that files are gone, and names them", async () => {
    const folder = folderOf(leavesOf(300));
    rmSync(join(folder, "tile/0/001"));
    const { code, told } = await run(folder, "--pin", join(base, "pin-of-three"), "--vkey", signer.vkey);
    assert.equal(code, 1);
    assert.match(told, /^FOUND the file `tile\/0\/001` is not there$/m);
  });

  it("checks a log behind a URL, with a token", async (t) => {
    const url = await servedFolder(t, folderOf(leavesOf(300)));
    const pin = ["--pin", join(base, "pin-of-four")];
    const refused = await run(url, ...pin);
    assert.equal(refused.code, 2);
    assert.match(refused.errors, /refuses it \(401\); give a token with --token/);
    const { code, told, errors } = await run(url, ...pin, "--token", "secret", "--vkey", signer.vkey);
    assert.equal(code, 0, told + errors);
    assert.match(told, /603 entries/);
  });

  it("says how it is used", async () => {
    const { code, told } = await run("--help");
    assert.equal(code, 0);
    assert.match(told, /Example:\n {2}portcullis-verify/);
  });
});

async function servedFolder(t: TestContext, folder: string): Promise<string> {
  const server = createServer(({ url = "", headers }, response) => {
    if (headers.authorization !== "Bearer secret") return response.writeHead(401).end();
    try {
      return response.end(readFileSync(join(folder, url.replace("/log/", ""))));
    } catch {
      return response.writeHead(404).end();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}/log`;
}
