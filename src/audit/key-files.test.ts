import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createFile, readTextFile, replaceFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import { openLogKey, openSubjectLookupKey } from "./key-files.ts";

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "keys");
}

describe("key files", () => {
  it("are created once, for their owner only, and found again", async (t) => {
    const folder = folderFor(t);
    const made = await Promise.all([
      openLogKey("gate.example/log", { folder, mayCreate: true }),
      openLogKey("gate.example/log", { folder, mayCreate: true }),
    ]);
    const again = await openLogKey("gate.example/log", { folder, mayCreate: false });
    assert.deepEqual(
      made.map((signer) => signer.vkey),
      [again.vkey, again.vkey],
    );
    assert.equal(statSync(join(folder, "log.key")).mode & 0o777, 0o600);
    assert.match(readFileSync(join(folder, "log.key"), "utf8"), /^PRIVATE\+KEY\+gate\.example\/log\+/);
    assert.deepEqual(readdirSync(folder), ["log.key"]);

    const lookup = await openSubjectLookupKey({ folder, mayCreate: true });
    const found = await openSubjectLookupKey({ folder, mayCreate: false });
    lookup.useBytes((one) => found.useBytes((other) => assert.deepEqual(one, other)));
  });

  it("are refused when missing, readable by others, broken or of another log", async (t) => {
    const folder = folderFor(t);
    await assert.rejects(openLogKey("a.example", { folder, mayCreate: false }), OperatorError);
    await openLogKey("a.example", { folder, mayCreate: true });
    await assert.rejects(openLogKey("b.example", { folder, mayCreate: true }), /not of `b\.example`/);
    chmodSync(join(folder, "log.key"), 0o644);
    await assert.rejects(openLogKey("a.example", { folder, mayCreate: true }), /chmod 600/);
    chmodSync(join(folder, "log.key"), 0o600);
    writeFileSync(join(folder, "log.key"), "PRIVATE+KEY+nonsense");
    await assert.rejects(openLogKey("a.example", { folder, mayCreate: true }), (error) => {
      assert.ok(error instanceof OperatorError);
      assert.doesNotMatch(error.message, /nonsense/);
      return true;
    });
    writeFileSync(join(folder, "subject-lookup.key"), "c2hvcnQ=", { mode: 0o600 });
    await assert.rejects(openSubjectLookupKey({ folder, mayCreate: true }), OperatorError);
  });
});

describe("durable files", () => {
  it("are replaced whole and created only once", async (t) => {
    const folder = folderFor(t);
    await openSubjectLookupKey({ folder, mayCreate: true });
    const path = join(folder, "checkpoint");
    assert.equal(await readTextFile(path), null);
    assert.deepEqual(
      (await Promise.all([createFile(path, "one", 0o600), createFile(path, "one", 0o600)])).sort(),
      [false, true],
    );
    await replaceFile(path, "two", 0o644);
    assert.equal(await readTextFile(path), "two");
    assert.deepEqual(readdirSync(folder).sort(), ["checkpoint", "subject-lookup.key"]);
  });
});
