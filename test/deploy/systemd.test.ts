// The systemd unit, by systemd's own judgement.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { withoutCommand } from "../e2e/needs.ts";
import { testFolder } from "../e2e/test-gateway.ts";

const skip = withoutCommand("systemd-analyze", "`apt-get install systemd` brings it");
const project = resolve(import.meta.dirname, "../..");

for (const name of ["portcullis", "portcullis-witness"])
  test(`the unit of ${name} is one that systemd takes without a word, and shuts in what it runs`, {
    skip,
  }, (t) => {
    const folder = testFolder();
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, `${name}.service`);
    const unit = readFileSync(join(project, `deploy/systemd/${name}.service`), "utf8");
    writeFileSync(path, unit.replaceAll("/opt/portcullis", project));
    const verified = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
    assert.equal(verified.status, 0, verified.stderr);
    assert.equal(verified.stderr, "");
    // Tenths; 10.0 is a unit that can do anything.
    const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=15", path], {
      encoding: "utf8",
    });
    assert.equal(judged.status, 0, judged.stdout + judged.stderr);
  });
