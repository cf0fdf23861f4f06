// A log that we wrote, read with Go's own libraries: `sumdb/note` opens its checkpoint, `sumdb/tlog` its tiles and proofs.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { consistencyProof } from "portcullis-verify/log/merkle-proofs.ts";
import { rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { headFrom } from "portcullis-verify/log/tile-subtrees.ts";
import { CopyFolder } from "../../src/audit/copy/copy-folder.ts";
import { copyLog } from "../../src/audit/copy/copy-log.ts";
import { storeCopySource } from "../../src/audit/copy/copy-source.ts";
import { entryProof } from "../../src/audit/entry-proof.ts";
import { subtreesOf } from "../../src/audit/stored-tree.ts";
import { type LogBench, logBench } from "./log-bench.ts";
import { without, withoutFile } from "./needs.ts";

/** Where Debian puts Go's libraries, so that nothing is fetched for a test. */
const libraries = "/usr/share/gocode";
const how = "get them with `apt-get install golang-go golang-golang-x-mod-dev`";

const go = ["go", "/usr/local/go/bin/go"].find((command) => spawnSync(command, ["version"]).status === 0);
const skip =
  without(go !== undefined, `there is no \`go\` here: ${how}`) ||
  withoutFile(join(libraries, "src/golang.org/x/mod/sumdb/tlog"), how);

let folder: string;
let program: string;

before(() => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), "portcullis-go-"));
  program = join(folder, "read-log");
  const source = resolve(import.meta.dirname, "../go/read-log.go");
  const built = spawnSync(go ?? "go", ["build", "-o", program, source], {
    encoding: "utf8",
    env: { ...process.env, GOPATH: libraries, GO111MODULE: "off", GOFLAGS: "" },
  });
  assert.equal(built.status, 0, built.stderr);
});

after(() => {
  if (skip === false) rmSync(folder, { recursive: true });
});

interface Read {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Our server answers in this process, so nothing may wait for it here. */
function read(place: string, claims: object): Promise<Read> {
  return new Promise((done) => {
    const child = execFile(program, [place], (error, stdout, stderr) =>
      done({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
    child.stdin?.end(JSON.stringify({ proofs: [], grown: [], ...claims }));
  });
}

async function claimsOf({ storage, trail }: LogBench): Promise<object> {
  const { checkpoint } = trail;
  assert.ok(checkpoint !== null);
  const { size } = checkpoint;
  const sizes = [1, 2, 3, 255, 256, 257, 511, 65_535, 65_536, size - 1, size].filter((one) => one <= size);
  const base64 = (hash: Uint8Array): string => Buffer.from(hash).toString("base64");
  return {
    proofs: await Promise.all(sizes.map((one) => entryProof(storage.log, checkpoint, one - 1))),
    grown: await Promise.all(
      sizes.map(async (one) => ({
        size: one,
        root: base64(rootOf(await headFrom(one, subtreesOf(storage.log, one)))),
        path: (await consistencyProof(one, size, subtreesOf(storage.log, size))).map(base64),
      })),
    ),
  };
}

for (const size of [3, 256, 1_000, 66_000]) {
  test(`Go reads a log of ${size} entries over HTTP, and believes our proofs`, { skip }, async (t) => {
    const bench = await logBench(t);
    bench.open.is = true;
    await bench.grow(size);
    const { code, stdout, stderr } = await read(bench.url, await claimsOf(bench));
    assert.equal(code, 0, stderr);
    const { origin, entries, proofs, grown } = JSON.parse(stdout);
    assert.deepEqual([origin, entries], ["gate.example/log", size]);
    assert.ok(proofs >= 4 && grown === proofs, stdout);
  });
}

test("Go reads an exported folder, and finds what was changed in it", { skip }, async (t) => {
  const bench = await logBench(t);
  await bench.grow(3_000);
  const copy = join(folder, "copy");
  const source = storeCopySource("the log", bench.storage.log, async () => null);
  assert.ok((await copyLog({ source, to: new CopyFolder(copy), vkey: null })).ok);
  const claims = await claimsOf(bench);
  const whole = await read(copy, claims);
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal(JSON.parse(whole.stdout).entries, 3_000);
  for (const [name, at] of [
    ["checkpoint", 20],
    ["vkey", 30],
    ["tile/0/004", 77],
    ["tile/1/000.p/11", 77],
    ["tile/0/011.p/184", 5_000],
    ["tile/entries/007", 100],
    ["tile/entries/011.p/184", 100],
  ] as const) {
    const changed = join(folder, "changed");
    cpSync(copy, changed, { recursive: true });
    const bytes = readFileSync(join(changed, name));
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(join(changed, name), bytes);
    const { code, stderr } = await read(changed, claims);
    assert.equal(code, 1, `${name} was changed`);
    assert.notEqual(stderr, "");
    rmSync(changed, { recursive: true });
  }
});
