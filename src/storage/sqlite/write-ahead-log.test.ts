import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { entry } from "../contract/samples.ts";
import { openDatabase } from "./database.ts";
import { openSqliteStorage, storageOn } from "./open.ts";
import { withFolder } from "./test-data.test-support.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";

const ciphertext = Buffer.from("a ciphertext that must not stay anywhere");
const secret = {
  name: "providers/openai",
  version: 1,
  keyId: "kek",
  wrappedKey: Buffer.alloc(60, 7),
  ciphertext,
  createdAt: 1,
};

test("a destroyed secret leaves the write-ahead log once whoever was reading meanwhile is done, and says so until then", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    await storage.secrets.put(secret, entry());
    const reading = readerOf(folder);
    const began = performance.now();
    await storage.secrets.destroy(secret.name, entry());
    assert.ok(
      performance.now() - began < 900,
      "nobody is waited for, because nothing else would run meanwhile",
    );
    assert.ok(inWal(folder, ciphertext));
    assert.match((await storage.log.upkeep()) ?? "", /bytes of a destroyed secret are still in/);
    assert.ok(inWal(folder, ciphertext));
    reading.close();
    assert.equal(await storage.log.upkeep(), null);
    assert.ok(!inWal(folder, ciphertext));
    await storage.close();
  }));

test("what a killed gateway left in the write-ahead log is folded in at the next start", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const beside = readerOf(folder);
    connections.writer.exec(
      "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('something that was there')",
    );
    connections.close();
    // Closing leaves it there as long as somebody else has the database open, as a kill does.
    assert.ok(statSync(walOf(folder)).size > 0);
    beside.close();
    const again = openDatabase(folder);
    assert.equal(statSync(walOf(folder)).size, 0);
    again.close();
  }));

test("a write-ahead log that cannot be folded in for long is a problem while it lasts", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const { writer } = connections;
    writer.exec("CREATE TABLE notes (text BLOB)");
    let uptime = 0;
    const wal = new WriteAheadLog(writer, () => uptime);
    assert.equal(wal.upkeep(), null);
    const reading = readerOf(folder);
    writer.exec(`
      PRAGMA synchronous = OFF;
      WITH RECURSIVE page (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM page WHERE n < 5000)
      INSERT INTO notes SELECT zeroblob(15000) FROM page;
    `);
    assert.equal(wal.upkeep(), null, "it is looked at now and then only");
    uptime += 30_000;
    assert.match(wal.upkeep() ?? "", /pages of the database's write-ahead log cannot be folded into it/);
    reading.close();
    assert.match(wal.upkeep() ?? "", /cannot be folded/);
    uptime += 30_000;
    assert.equal(wal.upkeep(), null);
    connections.close();
  }));

test("a disk that refuses to have the write-ahead log folded in is a problem at once", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const storage = storageOn(connections);
    await storage.log.takeOver("inst_1");
    const prepare = connections.writer.prepare.bind(connections.writer);
    connections.writer.prepare = (sql) => {
      if (sql.includes("wal_checkpoint")) throw Object.assign(new Error("disk I/O error"), { errcode: 10 });
      return prepare(sql);
    };
    assert.match((await storage.log.upkeep()) ?? "", /and grows: the disk reported an error/);
    assert.equal(connections.writer.prepare("PRAGMA busy_timeout").get()?.["timeout"], 1_000);
    await storage.close();
  }));

/** Somebody beside the gateway who reads the database as it is now, until it is closed. */
function readerOf(folder: string): DatabaseSync {
  const reader = new DatabaseSync(join(folder, "portcullis.db"), { readOnly: true });
  reader.exec("BEGIN; SELECT count(*) FROM log_head");
  return reader;
}

function walOf(folder: string): string {
  return join(folder, "portcullis.db-wal");
}

function inWal(folder: string, bytes: Buffer): boolean {
  return readFileSync(walOf(folder)).includes(bytes);
}
