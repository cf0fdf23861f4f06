import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loaded, problemsOf, problemsOfFile, temporaryFolder } from "./config.test-support.ts";

const fault =
  "`keys` lies in the folder of `data`, so a copy of the data would hold what opens it; put it elsewhere";

test("keys in the folder of the data are refused, however the folders are written", async (t) => {
  for (const keys of ["./data/keys", "data", "./data/", "./x/../data/a/b", "./data/..keys"]) {
    assert.deepEqual(await problemsOf(t, `log: {}\nkeys: ${keys}\n`), [`2 keys: ${fault}`], keys);
  }
  assert.deepEqual(await problemsOf(t, "log: {}\ndata: .\n"), [`2 data: ${fault}`]);
  assert.deepEqual(await problemsOf(t, "data: /\n"), [`1 data: ${fault}`]);
});

test("keys beside or above the data, or in a folder whose name only begins like it, are fine", async (t) => {
  for (const text of [
    "keys: ./data-keys",
    "keys: .",
    "keys: ./data/../keys",
    "data: ./keys/data",
    "keys: /k",
  ]) {
    await loaded(t, text);
  }
});

test("links are followed, also above what does not exist yet", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "data"));
  symlinkSync("data", join(folder, "elsewhere"));
  writeFileSync(join(folder, "portcullis.yaml"), "keys: ./elsewhere/deep/keys");
  assert.deepEqual(await problemsOfFile(join(folder, "portcullis.yaml")), [`1 keys: ${fault}`]);
  symlinkSync(join(folder, "real"), join(folder, "dangling"));
  writeFileSync(join(folder, "portcullis.yaml"), "keys: ./dangling\ndata: ./real");
  assert.deepEqual(await problemsOfFile(join(folder, "portcullis.yaml")), [`1 keys: ${fault}`]);
  symlinkSync("round", join(folder, "round"));
  writeFileSync(join(folder, "portcullis.yaml"), "keys: ./round/keys\ndata: ./round");
  assert.deepEqual(await problemsOfFile(join(folder, "portcullis.yaml")), [`1 keys: ${fault}`]);
});

test("a folder that a shell would have to complete is refused", async (t) => {
  for (const path of ["~", "~/portcullis", "~ana/x", "$HOME/x", `\${DATA}`]) {
    assert.deepEqual(await problemsOf(t, `data: "${path}"`), [
      "1 data: `~` and variables are not replaced here; write the folder out",
    ]);
  }
  await loaded(t, "data: ./cost-in-$\nkeys: ./a~b");
});
