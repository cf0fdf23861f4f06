// The Dockerfile's steps, taken from it and done in a folder, since there is no container engine to be relied on: the same
// packages, the same files, another user, a root that cannot be written, its own health check.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { testFolder } from "../e2e/test-gateway.ts";

const project = resolve(import.meta.dirname, "../..");
const dockerfile = readFileSync(join(project, "Dockerfile"), "utf8").replaceAll("\\\n", "");
const uid = 10_001;

/** What stands behind this instruction, line by line. */
function instructions(name: string): readonly string[] {
  return dockerfile
    .split("\n")
    .flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
}

/** Installs and copies as the Dockerfile says. */
function build(t: TestContext): string {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const image = join(folder, "portcullis");
  mkdirSync(image);
  for (const copied of instructions("COPY")) {
    if (copied.startsWith("--from")) continue;
    const paths = copied.split(" ");
    const target = join(image, paths.at(-1) ?? "");
    for (const path of paths.slice(0, -1)) {
      const isFile = copied.endsWith("./");
      cpSync(join(project, path), isFile ? join(image, path) : target, { recursive: true });
    }
  }
  const [install = ""] = instructions("RUN").filter((line) => line.startsWith("npm ci"));
  const installed = spawnSync("sh", ["-c", install], { cwd: image, encoding: "utf8" });
  assert.equal(installed.status, 0, installed.stderr);
  return image;
}

test("what the image holds runs as nobody in particular, writes only its folder, and says whether it is well", async (t) => {
  const image = build(t);
  assert.deepEqual(globSync("node_modules/{node,typescript,openai,@biomejs}", { cwd: image }), []);
  const root = process.getuid?.() === 0;
  const folder = join(dirname(image), "state");
  mkdirSync(folder, { mode: 0o700 });
  if (root) chownSync(folder, uid, uid);
  spawnSync("chmod", ["-R", "a-w", image]);
  const path = join(dirname(image), "bin");
  mkdirSync(path);
  // Where the image's Node is found; the project's own may lie where this user may not look.
  cpSync(process.execPath, join(path, "node"));
  symlinkSync(join(image, "bin", "portcullis"), join(path, "portcullis"));
  const settings = {
    cwd: folder,
    env: {
      PATH: `${path}:/usr/bin:/bin`,
      NODE_ENV: "production",
      NODE_COMPILE_CACHE: join(folder, ".cache"),
    },
    ...(root ? { uid, gid: uid } : {}),
  };
  const gateway = spawn("portcullis", ["up", "--dir", folder, "--listen", "127.0.0.1:0"], {
    ...settings,
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => gateway.kill("SIGKILL"));
  const health = (): number | null => {
    const [, json = ""] = /CMD (\[.*\])$/m.exec(instructions("HEALTHCHECK").join()) ?? [];
    const [command = "", ...parameters]: string[] = JSON.parse(json);
    return spawnSync(command, parameters, settings).status;
  };
  assert.equal(health(), 1, "not before it listens");
  let log = "";
  for await (const chunk of gateway.stderr) {
    log += String(chunk);
    if (log.includes('"listening"')) break;
  }
  assert.match(log, /"listening"/);
  assert.equal(health(), 0);
  gateway.kill("SIGTERM");
  assert.deepEqual(await once(gateway, "exit"), [0, null]);
  assert.equal(health(), 1);
});

test("the image is built of what is not a test, by the Node that the project is tested with", () => {
  const ignored = readFileSync(join(project, ".dockerignore"), "utf8").split("\n");
  const tests = ["src", "verify"].flatMap((folder) => [
    `${folder}/**/*.test.ts`,
    `${folder}/**/*.test-support.ts`,
  ]);
  for (const line of ["*", ...tests]) assert.ok(ignored.includes(line), line);
  for (const copied of instructions("COPY")) {
    if (copied.startsWith("--from")) continue;
    for (const path of copied.split(" ").slice(0, -1))
      assert.ok(ignored.includes(`!${path.replace("./", "")}`), path);
  }
  const { devDependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  for (const from of instructions("FROM")) assert.ok(from.startsWith(`node:${devDependencies.node}-`), from);
  assert.deepEqual(instructions("USER"), [`${uid}:${uid}`]);
});
