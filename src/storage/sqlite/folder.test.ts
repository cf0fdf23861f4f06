import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { OperatorError } from "../../core/operator-error.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { entries, entry } from "../contract/samples.ts";
import { openDatabase } from "./database.ts";
import { openSqliteReadOnly, openSqliteStorage } from "./open.ts";
import { withFolder } from "./test-data.test-support.ts";

test("a second gateway on a folder is refused, by name of the folder and of the process that has it", () =>
  withFolder(async (folder) => {
    const first = openSqliteStorage(folder);
    await first.log.takeOver("inst_1");
    assert.throws(() => openSqliteStorage(folder), inUseBy(folder, process.pid));
    const kept = entry();
    await first.log.append([kept]);
    await first.close();
    await first.close();
    const next = openSqliteStorage(folder);
    await assertLogHolds(next.log, [kept]);
    await next.close();
  }));

test("a gateway in another process keeps its folder until it is killed, and then leaves nothing in the way", () =>
  withFolder(async (folder) => {
    const script = join(import.meta.dirname, "append-loop.test-support.ts");
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    try {
      await once(child.stdout, "data");
      assert.throws(() => openSqliteStorage(folder), inUseBy(folder, child.pid));
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    await openSqliteStorage(folder).close();
  }));

test("a gateway that was got past leaves the other's process id alone, though its own has the same number", () =>
  withFolder(async (folder) => {
    const pid = join(folder, "portcullis.pid");
    const first = openSqliteStorage(folder);
    assert.equal(readFileSync(pid, "utf8"), `${process.pid}\n`);
    // Both number 1, as in two containers on one volume.
    utimesSync(pid, 1, 1);
    writeFileSync(pid, `${process.pid}\n`);
    await first.close();
    assert.equal(readFileSync(pid, "utf8"), `${process.pid}\n`);
    const next = openSqliteStorage(folder);
    await next.close();
    assert.equal(existsSync(pid), false);
  }));

test("what a killed gateway had begun to write is gone after the next start, and nothing else is", () =>
  withFolder(async (folder) => {
    const leftover = "operator.json.2f3f1d36-6a55-4f6b-9d3e-0a1b2c3d4e5f.tmp";
    const others = ["backup.tmp", "operator.json", "operator.json.tmp"];
    for (const name of [leftover, ...others]) writeFileSync(join(folder, name), "a token");
    await openSqliteStorage(folder).close();
    const left = readdirSync(folder);
    assert.equal(left.includes(leftover), false);
    for (const name of others) assert.ok(left.includes(name), name);
  }));

test("folder and files are the gateway's own user's alone", () =>
  withFolder(async (parent) => {
    const folder = join(parent, "deep", "data");
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    const files = readdirSync(folder);
    assert.ok(files.includes("portcullis.db") && files.includes("portcullis.db-wal"));
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
    await storage.close();
  }));

test("a folder that was open to others is closed to them", () =>
  withFolder(async (folder) => {
    chmodSync(folder, 0o755);
    const storage = openSqliteStorage(folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    await storage.close();
  }));

test("commits are synced in full", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const { writer } = connections;
    assert.equal(writer.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
    assert.equal(writer.prepare("PRAGMA synchronous").get()?.["synchronous"], 2);
    connections.close();
  }));

test("a database of a newer version is refused, and left as it is", () =>
  withFolder(async (folder) => {
    await openSqliteStorage(folder).close();
    const database = new DatabaseSync(join(folder, "portcullis.db"));
    database.exec("PRAGMA user_version = 999");
    database.close();
    assert.throws(() => openSqliteStorage(folder), refusal(/newer portcullis/));
    assert.throws(() => openSqliteReadOnly(folder), refusal(/version 999/));
  }));

test("a file that is no database is refused in words, and so is a folder that is a file", () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, "portcullis.db"), "no database at all ".repeat(1_000));
    assert.throws(() => openSqliteStorage(folder), refusal(/portcullis\.db/));
    assert.throws(() => openSqliteReadOnly(folder), refusal(/cannot be read/));
    writeFileSync(join(folder, "file"), "");
    assert.throws(() => openSqliteStorage(join(folder, "file")), refusal(/cannot be used/));
  }));

test("reading needs no lock, sees what a running gateway commits, and can change nothing", () =>
  withFolder(async (folder) => {
    assert.throws(() => openSqliteReadOnly(folder), refusal(/no database/));
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    const observer = openSqliteReadOnly(folder);
    const all = entries(3);
    await storage.log.append(all);
    await assertLogHolds(observer.log, all);
    await assert.rejects(async () => observer.log.append(entries(1)));
    await assert.rejects(async () => observer.log.takeOver("inst_2"));
    observer.close();
    const more = entry();
    await storage.log.append([more]);
    await assertLogHolds(storage.log, [...all, more]);
    await storage.close();
  }));

test("a copy on read-only ground is read whole, what was only in the write-ahead log too", () =>
  withFolder(async (parent) => {
    const [folder, copy] = [join(parent, "data"), join(parent, "copy")];
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    const all = entries(5);
    await storage.log.append(all);
    mkdirSync(copy);
    for (const file of ["portcullis.db", "portcullis.db-wal"]) {
      copyFileSync(join(folder, file), join(copy, file));
      chmodSync(join(copy, file), 0o444);
    }
    chmodSync(copy, 0o555);
    chmodSync(parent, 0o755);
    const observer = asOrdinaryUser(() => openSqliteReadOnly(copy));
    await assertLogHolds(observer.log, all);
    observer.close();
    assert.deepEqual(readdirSync(copy).toSorted(), ["portcullis.db", "portcullis.db-wal"]);
    chmodSync(copy, 0o755);
    await storage.close();
  }));

test("nothing of a destroyed secret is left in any file", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    const [wrappedKey, ciphertext] = [
      Buffer.from("the wrapped key of it"),
      Buffer.from("the ciphertext of it"),
    ];
    const secret = {
      name: "providers/openai",
      version: 1,
      keyId: "kek",
      wrappedKey,
      ciphertext,
      createdAt: 1,
    };
    await storage.secrets.put(secret, entry());
    const written = join(folder, "portcullis.db-wal");
    assert.ok(readFileSync(written).includes(ciphertext));
    await storage.secrets.destroy("providers/openai", entry());
    for (const bytes of [wrappedKey, ciphertext]) assert.ok(!readFileSync(written).includes(bytes));
    await storage.close();
    for (const file of readdirSync(folder)) {
      for (const bytes of [wrappedKey, ciphertext])
        assert.ok(!readFileSync(join(folder, file)).includes(bytes), file);
    }
  }));

function refusal(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof OperatorError && message.test(error.message);
}

function inUseBy(folder: string, pid: number | undefined): (error: unknown) => boolean {
  return (error) =>
    error instanceof OperatorError &&
    error.message.includes(folder) &&
    error.message.includes(`process ${pid}`);
}

/** The superuser is refused nothing, so what permissions do shows only as somebody else. */
function asOrdinaryUser<Value>(act: () => Value): Value {
  if (process.getuid?.() !== 0 || process.seteuid === undefined) return act();
  process.seteuid(65_534);
  try {
    return act();
  } finally {
    process.seteuid(0);
  }
}
