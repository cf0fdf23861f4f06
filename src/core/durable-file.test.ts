import assert from "node:assert/strict";
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createFile, readTextFile, replaceFile, rewriteFile } from "./durable-file.ts";

test("of ten that create the same file one wins, and its text stands whole", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "key");
  const texts = Array.from({ length: 10 }, (_, index) => `text ${index}`);
  const won = await Promise.all(texts.map((text) => createFile(path, text, 0o600)));
  assert.equal(won.filter(Boolean).length, 1);
  assert.equal(await readFile(path, "utf8"), texts[won.indexOf(true)]);
  assert.deepEqual(await readdir(folder), ["key"]);
});

test("replacing leaves the new text with the mode asked for and nothing beside it", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "token");
  await replaceFile(path, "old", 0o644);
  await replaceFile(path, "new", 0o600);
  assert.equal(await readTextFile(path), "new");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["token"]);
});

test("a replacement that cannot be put in place leaves nothing behind", async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(replaceFile(join(folder, "missing", "x"), "text", 0o600), { code: "ENOENT" });
  await assert.rejects(replaceFile(folder, "text", 0o600));
  assert.equal(await readTextFile(join(folder, "x")), null);
});

test("rewriting keeps the mode, whatever the umask, and the link that led there", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a");
  await writeFile(path, "old");
  await chmod(path, 0o666);
  await symlink("a", join(folder, "b"));
  assert.equal(await rewriteFile(join(folder, "b"), "old", "new"), true);
  assert.equal(await readFile(path, "utf8"), "new");
  assert.equal((await stat(path)).mode & 0o777, 0o666);
  assert.ok((await lstat(join(folder, "b"))).isSymbolicLink());
  assert.deepEqual((await readdir(folder)).toSorted(), ["a", "b"]);
});

test("rewriting leaves what somebody else has written meanwhile", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a");
  await writeFile(path, "theirs");
  assert.equal(await rewriteFile(path, "old", "new"), false);
  assert.equal(await readFile(path, "utf8"), "theirs");
  assert.equal(await rewriteFile(path, "old", "theirs"), true);
  assert.deepEqual(await readdir(folder), ["a"]);
});

async function temporaryFolder(t: { after(cleanUp: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
