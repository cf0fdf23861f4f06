import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { signCheckpoint } from "portcullis-verify/log/checkpoint.ts";
import { appendLeafHashes, emptyHead, leafHash, rootOf } from "portcullis-verify/log/merkle-tree.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { decodeBundle, tilePath, tilesOf } from "portcullis-verify/log/tiles.ts";
import { uuidv7 } from "../../core/id.ts";
import { CopyFolder } from "./copy-folder.ts";
import { copyLog } from "./copy-log.ts";
import { type CopyRefusal, copyRefusalText } from "./copy-refusal.ts";
import type { CopySource } from "./copy-source.ts";

const signer = noteSigner("gate.example/log", Buffer.alloc(32, 7));
const leaves = Array.from({ length: 70_000 }, (_, index) => Buffer.from(`leaf ${index}`));
const hashes = leaves.map(leafHash);

/** A log of the first `size` entries, open to tampering. */
function sourceOf(size: number, of: readonly Uint8Array[] = leaves): CopySource & { asked: number[] } {
  const asked: number[] = [];
  const known = of === leaves ? hashes : of.map(leafHash);
  const root = rootOf(appendLeafHashes(emptyHead, known.slice(0, size)));
  return {
    place: "the test's log",
    asked,
    vkey: async () => signer.vkey,
    checkpoint: async () => signCheckpoint(signer, size, root),
    leaves: async (index, width) => {
      asked.push(index);
      return of.slice(index * 256, index * 256 + width);
    },
    policies: async () => null,
  };
}

function newFolder(t: Pick<TestContext, "after">): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-copy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "copy");
}

const copy = (source: CopySource, folder: string, vkey: string | null = null) =>
  copyLog({ source, to: new CopyFolder(folder), vkey });

async function refused(source: CopySource, folder: string, vkey: string | null = null): Promise<CopyRefusal> {
  const before = filesIn(folder);
  const result = await copy(source, folder, vkey);
  assert.ok(!result.ok);
  const text = copyRefusalText(result.failure, source.place, folder);
  assert.match(text, /^[a-z`].*[^.]$/s);
  const after = filesIn(folder);
  for (const name of ["checkpoint", "vkey"]) assert.equal(after.get(name), before.get(name), `${name} stays`);
  return result.failure;
}

/** By name, the hash of what is in each. */
function filesIn(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Map(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, hash("sha256", readFileSync(join(folder, name)))]),
  );
}

/** All that a log of this size has to have, held against the entries. */
function assertIsCopy(folder: string, size: number): void {
  assert.equal(readFileSync(join(folder, "checkpoint"), "utf8").split("\n")[1], String(size));
  assert.equal(readFileSync(join(folder, "vkey"), "utf8"), `${signer.vkey}\n`);
  for (const place of tilesOf(size)) {
    const tile = readFileSync(join(folder, tilePath(place)));
    const first = place.index * 256 ** (place.level + 1);
    const of = hashes.slice(first, first + 256 ** place.level);
    assert.equal(tile.length, 32 * place.width);
    assert.deepEqual(tile.subarray(0, 32), Buffer.from(rootOf(appendLeafHashes(emptyHead, of))));
    if (place.level !== 0) continue;
    assert.deepEqual(tile, Buffer.concat(hashes.slice(first, first + place.width)));
    const bundle = readFileSync(join(folder, tilePath({ ...place, level: "entries" })));
    const entries = decodeBundle(bundle, place.width);
    assert.ok(entries.ok);
    assert.deepEqual(Buffer.concat(entries.value), Buffer.concat(leaves.slice(first, first + place.width)));
  }
}

test("a log is copied whole, whatever its size", async (t) => {
  for (const size of [0, 1, 255, 256, 257, 512, 65_536, 70_000]) {
    const folder = newFolder(t);
    const result = await copy(sourceOf(size), folder);
    assert.ok(result.ok);
    assert.deepEqual([result.value.entries, result.value.added], [size, size]);
    assertIsCopy(folder, size);
  }
});

test("a copy is gone on from, nothing is read or written twice, and nothing is taken away", async (t) => {
  const folder = newFolder(t);
  let before = new Map<string, string>();
  for (const size of [300, 300, 512, 700, 65_000, 66_000]) {
    const source = sourceOf(size);
    const result = await copy(source, folder);
    assert.ok(result.ok);
    assertIsCopy(folder, size);
    const after = filesIn(folder);
    for (const [name, content] of before)
      if (name !== "checkpoint") assert.equal(after.get(name), content, name);
    assert.deepEqual([...new Set(source.asked)], source.asked);
    before = after;
  }
  assert.deepEqual(sourceOf(66_000).asked, []);
  assert.deepEqual(
    [...before.keys()].filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("a copy that was killed at any point is finished by the next, which reads only what is missing", async (t) => {
  const whole = newFolder(t);
  assert.ok((await copy(sourceOf(2_000), whole)).ok);
  for (const stopAt of [0, 1, 3, 6]) {
    const folder = newFolder(t);
    assert.ok((await copy(sourceOf(300), folder)).ok);
    const dying = sourceOf(2_000);
    const read = dying.leaves.bind(dying);
    const killed = copy(
      {
        ...dying,
        leaves: (index, width) => {
          if (index > stopAt) throw new Error("killed");
          return read(index, width);
        },
      },
      folder,
    );
    await assert.rejects(killed, /killed/);
    assert.equal(readFileSync(join(folder, "checkpoint"), "utf8").split("\n")[1], "300");
    const source = sourceOf(2_000);
    assert.ok((await copy(source, folder)).ok);
    assertIsCopy(folder, 2_000);
    assert.deepEqual(source.asked, [1, 2, 3, 4, 5, 6, 7].slice(stopAt));
    const files = filesIn(folder);
    for (const [name, content] of filesIn(whole)) assert.equal(files.get(name), content, name);
  }
});

test("what was left half-written, or is of another tree, is written anew", async (t) => {
  const folder = newFolder(t);
  assert.ok((await copy(sourceOf(300), folder)).ok);
  const other = leaves.with(1_000, Buffer.from("another"));
  const dying = sourceOf(2_000, other);
  await assert.rejects(
    copy(
      {
        ...dying,
        leaves: (index, width) =>
          index > 5 ? Promise.reject(new Error("killed")) : dying.leaves(index, width),
      },
      folder,
    ),
  );
  writeFileSync(join(folder, "tile/entries/002"), "half");
  writeFileSync(join(folder, "tile/0/003"), "");
  assert.ok((await copy(sourceOf(2_000), folder)).ok);
  assertIsCopy(folder, 2_000);
});

test("another log, an older one or one that contradicts is refused, and the copy stays as it is", async (t) => {
  const folder = newFolder(t);
  assert.ok((await copy(sourceOf(1_000), folder)).ok);
  const stranger = noteSigner("gate.example/log", Buffer.alloc(32, 8));
  assert.equal(
    (await refused({ ...sourceOf(2_000), vkey: async () => stranger.vkey }, folder)).reason,
    "other_log",
  );
  assert.equal((await refused(sourceOf(2_000), folder, stranger.vkey)).reason, "other_log");
  assert.deepEqual(await refused(sourceOf(999), folder), { reason: "older", copied: 1_000, found: 999 });
  for (const changed of [0, 500, 999]) {
    const other = leaves.with(changed, Buffer.from("another"));
    for (const size of [1_000, 1_001, 2_000]) {
      const failure = await refused(sourceOf(size, other), folder);
      assert.deepEqual(failure, { reason: "other_tree", copied: 1_000, size }, `${changed} ${size}`);
    }
  }
  const forged = signCheckpoint(stranger, 2_000, Buffer.alloc(32));
  assert.equal(
    (await refused({ ...sourceOf(2_000), checkpoint: async () => forged }, folder)).reason,
    "bad_checkpoint",
  );
  assert.ok((await copy(sourceOf(2_000), folder)).ok);
  assertIsCopy(folder, 2_000);
});

test("entries that are missing are named, and the copy is of the tree before", async (t) => {
  const folder = newFolder(t);
  assert.ok((await copy(sourceOf(1_000), folder)).ok);
  const cut = sourceOf(2_000, leaves.slice(0, 1_500));
  const whole = sourceOf(2_000);
  assert.deepEqual(await refused({ ...whole, leaves: (index, width) => cut.leaves(index, width) }, folder), {
    reason: "entries_missing",
    entry: 1_500,
    size: 2_000,
  });
  assertIsCopy(folder, 1_000);
});

test("a copy that was changed is not gone on from", async (t) => {
  const whole = newFolder(t);
  assert.ok((await copy(sourceOf(1_000), whole)).ok);
  const damages: Readonly<Record<string, (folder: string) => void>> = {
    damaged_copy: (folder) => writeFileSync(join(folder, "tile/0/003.p/232"), Buffer.alloc(32 * 232)),
    bad_checkpoint: (folder) => writeFileSync(join(folder, "checkpoint"), "x".repeat(100_000)),
    bad_key: (folder) => writeFileSync(join(folder, "vkey"), "x"),
  };
  for (const [reason, damage] of Object.entries(damages)) {
    const folder = newFolder(t);
    cpSync(whole, folder, { recursive: true });
    damage(folder);
    const source = reason === "bad_key" ? { ...sourceOf(2_000), vkey: async () => null } : sourceOf(2_000);
    assert.equal((await refused(source, folder)).reason, reason);
  }
  rmSync(join(whole, "tile/1/000.p/3"));
  assert.equal((await refused(sourceOf(2_000), whole)).reason, "damaged_copy");
});

test("a folder with other things is left alone, and a log that was not begun is not copied", async (t) => {
  const folder = newFolder(t);
  cpSync(import.meta.filename, join(folder, "something"), { recursive: true });
  assert.equal((await refused(sourceOf(10), folder)).reason, "not_a_copy");
  assert.deepEqual([...filesIn(folder).keys()], ["something"]);
  const nothing = { ...sourceOf(0), vkey: async () => null, checkpoint: async () => null };
  for (const vkey of [null, signer.vkey]) {
    const result = await copy(nothing, newFolder(t), vkey);
    assert.deepEqual(result, { ok: false, failure: { reason: "no_log" } });
  }
});

test("the policies that entries put in force come with it, and those that are not kept are named", async (t) => {
  const content = '{"policies":[]}';
  const [kept, gone] = [hash("sha256", content), "f".repeat(64)];
  const time = "2026-01-05T00:00:00.000Z";
  const activation = (revision: string): Uint8Array => {
    const leaf = encodeLeaf(
      { ...leafSamples["policy.activated"], revision },
      { id: uuidv7(Date.parse(time)), time, instance: "inst_1" },
    );
    assert.ok(leaf.ok);
    return leaf.value;
  };
  const of = [...leaves.slice(0, 300), activation(kept), activation(gone)];
  const folder = newFolder(t);
  const source = {
    ...sourceOf(302, of),
    policies: async (revision: string) => (revision === kept ? content : null),
  };
  const result = await copy(source, folder);
  assert.ok(result.ok);
  assert.deepEqual(result.value.policies, { copied: 1, missing: [gone] });
  assert.equal(readFileSync(join(folder, `revisions/${kept}.json`), "utf8"), content);
  const lying = { ...sourceOf(302, of), policies: async () => "{}" };
  const other = newFolder(t);
  const refusal = await copy(lying, other);
  assert.deepEqual(refusal, { ok: false, failure: { reason: "other_policies", revision: kept } });
});
