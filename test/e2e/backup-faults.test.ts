// A backup that is killed or meets a full disk leaves nothing that could be taken for one, and nothing in the way of the next.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { withoutStrace } from "./injected-fault.ts";
import { startGateway, testFolder } from "./test-gateway.ts";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

test("a backup that fails in the middle is none", { skip: withoutStrace }, async (t) => {
  const place = testFolder();
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const gateway = await startGateway(join(place, "gateway"));
  t.after(() => gateway.kill());
  const backup = (target: string, fault: readonly string[]) =>
    spawnSync(
      "strace",
      ["-f", "-o", "/dev/null", "-e", "trace=pwrite64,fsync", ...fault, command, "backup", target],
      {
        cwd: gateway.folder,
        encoding: "utf8",
      },
    );

  const killed = join(place, "killed", "data");
  const ended = backup(killed, ["-e", "inject=pwrite64:signal=KILL:when=3"]);
  assert.equal(ended.signal, "SIGKILL", ended.stderr);
  assert.equal(existsSync(killed), false);
  assert.deepEqual(
    readdirSync(join(place, "killed")).filter((name) => !name.endsWith(".tmp")),
    [],
  );
  const again = backup(killed, []);
  assert.equal(again.status, 0, again.stderr);
  assert.equal(gateway.cli("audit", "verify", killed).status, 0);

  for (const fault of ["pwrite64:error=ENOSPC:when=3+", "fsync:error=EIO:when=1+"]) {
    const target = join(place, "full", "data");
    const full = backup(target, ["-e", `inject=${fault}`]);
    assert.equal(full.status, 2, `${fault}: ${full.stderr}`);
    assert.match(full.stderr, /could not be written|cannot be used/);
    assert.deepEqual(existsSync(join(place, "full")) ? readdirSync(join(place, "full")) : [], []);
  }
  await gateway.stop();
});
