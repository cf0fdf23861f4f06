import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { test } from "node:test";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { entries, headOf } from "../contract/samples.ts";
import { packHashes } from "../rows/packed-hashes.ts";
import type { Storage } from "../storage.ts";
import { openDatabase } from "./database.ts";
import { idBytes } from "./log-appender.ts";
import { openSqliteStorage, storageOn } from "./open.ts";
import { withFolder } from "./test-data.test-support.ts";
import { SqliteWriter } from "./writer.ts";

test("what was refused when its commit could not be synced does not come back after a kill -9", () =>
  withBrokenDisk(async ({ storage, disk, kept, refused, assertHoldsAfterKill }) => {
    disk.failing = 1;
    await assert.rejects(storage.log.append(refused), LogUnavailableError);
    await assertHoldsAfterKill(kept);
    const later = entries(3, "later");
    await storage.log.append(later);
    await assertLogHolds(storage.log, [...kept, ...later]);
    await assertHoldsAfterKill([...kept, ...later]);
  }));

test("what was refused may come back while nothing can be written over it, which the refusal says", () =>
  withBrokenDisk(async ({ storage, disk, kept, refused, assertHoldsAfterKill }) => {
    disk.failing = Number.POSITIVE_INFINITY;
    await assert.rejects(storage.log.append(refused), /until it can be, a killed gateway may find/);
    // The control of this test and the one before: the pages are there, and whole.
    await assertHoldsAfterKill([...kept, ...refused]);
    await assert.rejects(storage.log.append(entries(1)), LogUnavailableError);
    await assertHoldsAfterKill([...kept, ...refused]);
    disk.failing = 0;
    await storage.log.setOpenFrom(1);
    await assertHoldsAfterKill(kept);
  }));

test("a commit in doubt is not settled on top of somebody else's", () =>
  withBrokenDisk(async ({ storage, disk, refused, database }) => {
    disk.failing = 2;
    await assert.rejects(storage.log.append(refused), LogUnavailableError);
    database.exec("UPDATE log_head SET epoch = epoch + 1");
    await assert.rejects(storage.log.append(entries(1)), FencedError);
    await assert.rejects(storage.log.append(entries(1)), FencedError);
  }));

test("nothing is run while a commit is in doubt", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const disk = { failing: 1 };
    failCommits(connections.writer, disk, () => {});
    let settles = false;
    const writer = new SqliteWriter(connections.writer, {
      fence: () => {},
      beforeCommit: () => {},
      afterCommit: () => {},
      afterRollback: () => {},
      overwrite: () => {
        if (!settles) throw ioError();
      },
    });
    const ran: string[] = [];
    await assert.rejects(writer.write(() => ran.push("first")));
    await assert.rejects(writer.write(() => ran.push("second")));
    settles = true;
    await writer.write(() => ran.push("third"));
    assert.deepEqual(ran, ["first", "third"]);
    writer.close();
    connections.close();
  }));

interface BrokenDisk {
  readonly storage: Storage;
  /** How many of the next commits fail. */
  readonly disk: { failing: number };
  readonly database: DatabaseSync;
  readonly kept: readonly EncodedEntry[];
  /** An append whose pages stay behind when its commit fails. */
  readonly refused: readonly EncodedEntry[];
  /** What a start finds if the process is killed now. */
  readonly assertHoldsAfterKill: (expected: readonly EncodedEntry[]) => Promise<void>;
}

/**
 * Storage on which a commit fails as SQLite's does when the disk reports an error at the sync of the write-ahead log: taken
 * back in memory, with all of its pages in the file.
 */
async function withBrokenDisk(use: (broken: BrokenDisk) => Promise<void>): Promise<void> {
  await withFolder(async (parent) => {
    const folder = join(parent, "data");
    const connections = openDatabase(folder);
    const database = connections.writer;
    const disk = { failing: 0 };
    const [kept, refused] = [entries(5, "kept"), entries(2, "refused")];
    let left = false;
    failCommits(database, disk, () => {
      if (left) return;
      left = true;
      appendFileSync(walOf(folder), pagesOf(folder, join(parent, "twin"), kept, refused));
    });
    const storage = storageOn(connections);
    await storage.log.takeOver("inst_1");
    await storage.log.append(kept);
    const assertHoldsAfterKill = async (expected: readonly EncodedEntry[]): Promise<void> => {
      const crashed = join(parent, "crashed");
      copyData(folder, crashed);
      const found = openSqliteStorage(crashed);
      await assertLogHolds(found.log, expected);
      await found.close();
      rmSync(crashed, { recursive: true });
    };
    await use({ storage, disk, database, kept, refused, assertHoldsAfterKill });
    await storage.close();
  });
}

/** `leave` puts on the disk what a commit that fails leaves there. */
function failCommits(database: DatabaseSync, disk: { failing: number }, leave: () => void): void {
  const prepare = database.prepare.bind(database);
  const failing = (commit: StatementSync): void => {
    if (disk.failing <= 0) {
      commit.run();
      return;
    }
    disk.failing -= 1;
    database.exec("ROLLBACK");
    leave();
    throw ioError();
  };
  database.prepare = (sql) => {
    const statement = prepare(sql);
    if (sql !== "COMMIT") return statement;
    return new Proxy(statement, { get: (commit) => () => failing(commit) });
  };
}

function ioError(): Error {
  return Object.assign(new Error("disk I/O error"), { errcode: 10 });
}

/** The pages that this append adds to the write-ahead log, made on a copy: they fit behind those that are there. */
function pagesOf(
  folder: string,
  twin: string,
  kept: readonly EncodedEntry[],
  refused: readonly EncodedEntry[],
): Buffer {
  copyData(folder, twin);
  const database = new DatabaseSync(join(twin, "portcullis.db"));
  const before = statSync(walOf(twin)).size;
  const { size, frontier } = headOf([...kept, ...refused].map(({ leaf }) => leaf));
  database.exec("BEGIN IMMEDIATE");
  for (const [at, { id, leaf }] of refused.entries()) {
    database.prepare("INSERT INTO entries VALUES (?, ?)").run(kept.length + at, leaf);
    database.prepare("INSERT INTO entry_ids VALUES (?, ?)").run(idBytes(id), kept.length + at);
  }
  database.prepare("UPDATE log_head SET size = ?, frontier = ?").run(size, packHashes(frontier));
  database.exec("COMMIT");
  const pages = readFileSync(walOf(twin)).subarray(before);
  database.close();
  assert.ok(pages.length > 0);
  return pages;
}

/** What is on the disk, without the index of the write-ahead log, which a killed process takes with it. */
function copyData(from: string, to: string): void {
  mkdirSync(to);
  for (const file of ["portcullis.db", "portcullis.db-wal"]) copyFileSync(join(from, file), join(to, file));
}

function walOf(folder: string): string {
  return join(folder, "portcullis.db-wal");
}
