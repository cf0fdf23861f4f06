import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configFile, loaded, problemsOf, problemsOfFile, temporaryFolder } from "./config.test-support.ts";
import { formatConfigProblem, listenElsewhere, loadConfig } from "./load.ts";

test("folders are found from the file's own place, and the digest is that of its bytes", async (t) => {
  const text = "data: ./d\nkeys: ../k\npolicies: { path: /p }\n";
  const { file, dataFolder, keysFolder, policiesFolder, digest } = await loaded(t, text);
  assert.equal(dataFolder, join(file, "../d"));
  assert.equal(keysFolder, join(file, "../../k"));
  assert.equal(policiesFolder, "/p");
  assert.equal(digest, createHash("sha256").update(text).digest("hex"));
});

test("a link is followed, and folders stay those beside the link", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "real"));
  writeFileSync(join(folder, "real", "config"), "{}");
  symlinkSync(join(folder, "real", "config"), join(folder, "portcullis.yaml"));
  const result = await loadConfig(join(folder, "portcullis.yaml"));
  assert.ok(result.ok);
  assert.equal(result.value.dataFolder, join(folder, "data"));
});

test("what is no readable file is refused in words, without an exception", async (t) => {
  const folder = temporaryFolder(t);
  assert.deepEqual(await problemsOfFile(join(folder, "nothing.yaml")), [
    "- : there is no such file; `portcullis init` writes one",
  ]);
  assert.match((await problemsOfFile(folder)).join(), /^- : this is a folder;/);
  symlinkSync("itself.yaml", join(folder, "itself.yaml"));
  assert.match((await problemsOfFile(join(folder, "itself.yaml"))).join(), /cannot be read \(ELOOP\)/);
  writeFileSync(join(folder, "file"), "{}");
  assert.match((await problemsOfFile(join(folder, "file", "x.yaml"))).join(), /\(ENOTDIR\)/);
});

test("the bound of 1 MiB is one of bytes, and holds where a size is not told", async (t) => {
  const most = 1024 * 1024;
  const config = Buffer.from("{}\n#");
  const filled = (bytes: number): Uint8Array =>
    Buffer.concat([config, Buffer.alloc(bytes - config.length, "x")]);
  await loaded(t, filled(most));
  assert.match((await problemsOf(t, filled(most + 1))).join(), /^- : the file is larger than 1 MiB/);
  const wide = Buffer.from(`{}\n#${"€".repeat(most / 3)}`);
  assert.ok(wide.toString().length < most && wide.length > most);
  assert.match((await problemsOf(t, wide)).join(), /larger than 1 MiB/);
  assert.match((await problemsOfFile("/dev/zero")).join(), /larger than 1 MiB/);
});

test("an empty file is not a config of defaults; an empty table is", async (t) => {
  for (const text of ["", "\n", "# nothing\n", "---\n", "~", "null"]) {
    assert.match(
      (await problemsOf(t, text)).join(),
      /^. : the file is empty; `portcullis init`|^- : the file is empty/,
    );
  }
  const { config } = await loaded(t, "{}");
  assert.equal(config.server.listen, "127.0.0.1:8787");
  assert.equal(config.limits.drain, 30_000);
  assert.equal(config.limits.body, 20 * 1024 * 1024);
  assert.deepEqual(config.providers, {});
});

test("the sign-off `default` exists always, and one that is written is not touched", async (t) => {
  assert.deepEqual((await loaded(t, "{}")).config.sign_offs["default"], {
    approvers: ["group:operators"],
    quorum: 1,
    decide_within: 3_600_000,
    use_within: 900_000,
  });
  const written = "sign_offs: { default: { approvers: [ana@example.com], use_within: 1m } }";
  assert.equal((await loaded(t, written)).config.sign_offs["default"]?.use_within, 60_000);
});

test("problems come in the order of the file, and are formatted with file, line and path", async (t) => {
  const file = configFile(t, "log: { level: loud }\nserver:\n  listen: nowhere\nextra: 1\n");
  const result = await loadConfig(file);
  assert.ok(!result.ok);
  assert.deepEqual(
    result.failure.map(({ line }) => line),
    [1, 3, 4],
  );
  assert.match(
    result.failure.map(formatConfigProblem).join("\n"),
    /portcullis\.yaml:1: `log\.level`: .*\n.*:3: `server\.listen`: .*\n.*:4: `extra`: unknown key/,
  );
  const [absent] = await problemsOfFile("/nowhere/portcullis.yaml");
  assert.equal(absent, "- : there is no such file; `portcullis init` writes one");
});

test("of very many problems the first are told, and how many more there are", async (t) => {
  const found = await problemsOf(t, Array.from({ length: 60 }, (_, at) => `k${at}: 1`).join("\n"));
  assert.equal(found.length, 51);
  assert.equal(found.at(-1), "- : 10 more problems; mend these first");
});

test("another listen address is held to what the file's is held to", async (t) => {
  const start = await loaded(t, "log: { level: warn }");
  const moved = listenElsewhere(start, "[::1]:0");
  assert.ok(moved.ok);
  assert.deepEqual(moved.value.config, {
    ...start.config,
    server: { ...start.config.server, listen: "[::1]:0" },
  });
  for (const [listen, message] of [
    ["0.0.0.0:8787", /beyond loopback/],
    ["127.0.0.1", /write HOST:PORT/],
    ["127.0.0.1:65536", /larger than 65535/],
  ] as const) {
    const refused = listenElsewhere(start, listen);
    assert.ok(!refused.ok);
    assert.match(refused.failure.map(formatConfigProblem).join(), message);
    assert.match(refused.failure.map(formatConfigProblem).join(), /`--listen`/);
  }
  const behind = await loaded(t, 'server: { listen: "0.0.0.0:1", trusted_proxies: [10.0.0.1] }');
  assert.ok(listenElsewhere(behind, "0.0.0.0:2").ok);
});
