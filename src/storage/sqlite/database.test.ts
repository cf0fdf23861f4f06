import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { OperatorError } from "../../core/operator-error.ts";
import { entries, hex } from "../contract/samples.ts";
import { openSqliteReadOnly, openSqliteStorage } from "./open.ts";
import { migrations } from "./schema.ts";
import { withFolder } from "./test-data.test-support.ts";

test("a copy of the first version is read without being brought to this one, its checkpoints too", () =>
  withFolder(async (folder) => {
    const path = join(folder, "portcullis.db");
    const old = new DatabaseSync(path);
    old.exec(`${migrations[0]}; PRAGMA user_version = 1`);
    const root = Buffer.alloc(32, 7);
    old.prepare("INSERT INTO checkpoints VALUES (?, ?, ?, ?)").run(3, root, "note of 3", root);
    const all = entries(3);
    for (const [at, { leaf }] of all.entries())
      old.prepare("INSERT INTO entries VALUES (?, ?)").run(at, leaf);
    old.close();
    const before = readFileSync(path);

    const opened = openSqliteReadOnly(folder);
    const { log } = opened;
    assert.deepEqual(
      (await log.read(0, 10)).map(({ leaf }) => hex(leaf)),
      all.map(({ leaf }) => hex(leaf)),
    );
    const [kept, ...more] = await log.keptCheckpoints(0);
    assert.deepEqual([kept?.size, kept?.time, kept?.note, more], [3, 0, "note of 3", []]);
    assert.equal((await log.contents()).strayEntries, 3);
    opened.close();
    assert.deepEqual(readFileSync(path), before);
  }));

test("a database whose version somebody set to nothing is read all the same, and an empty one is none", () =>
  withFolder(async (folder) => {
    const path = join(folder, "portcullis.db");
    await openSqliteStorage(folder).close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 0");
    database.close();
    const opened = openSqliteReadOnly(folder);
    assert.equal((await opened.log.contents()).end, 0);
    opened.close();

    for (const end of ["", "-wal", "-shm"]) writeFileSync(`${path}${end}`, "");
    assert.throws(() => openSqliteReadOnly(folder), refusal(/holds no log/));
  }));

test("a database of a newer version is not read, and the version that can is named", () =>
  withFolder(async (folder) => {
    await openSqliteStorage(folder).close();
    const database = new DatabaseSync(join(folder, "portcullis.db"));
    database.exec("PRAGMA user_version = 999");
    database.close();
    assert.throws(
      () => openSqliteReadOnly(folder),
      refusal(/newer portcullis \(version 999, this knows \d+\)/),
    );
  }));

test("contents and records are given out whatever somebody wrote into them", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    const { log } = storage;
    await log.takeOver("inst_1");
    const all = entries(3);
    await log.append(all);
    const tamper = async (sql: string): Promise<unknown> => {
      const database = new DatabaseSync(join(folder, "portcullis.db"), { timeout: 5_000 });
      database.exec(sql);
      database.close();
      const { head, ...rest } = await log.contents();
      return { head: head === null ? null : [head.size, head.epoch, head.openFrom], ...rest };
    };
    const largest = Number.MAX_SAFE_INTEGER;
    const huge = "9223372036854775807";
    assert.deepEqual(await tamper(`INSERT INTO entries VALUES (-5, x''), (${huge}, x'')`), {
      head: [3, 1, 0],
      end: 3,
      strayEntries: 2,
      ids: 3,
    });
    assert.deepEqual(await tamper("INSERT INTO entries VALUES (7, x'')"), {
      head: [3, 1, 0],
      end: 8,
      strayEntries: 3,
      ids: 3,
    });
    assert.deepEqual(await tamper(`UPDATE log_head SET epoch = ${huge}, open_from = -${huge}`), {
      head: [3, largest, -1],
      end: 8,
      strayEntries: 3,
      ids: 3,
    });
    const gone = { head: null, end: 8, strayEntries: 1, ids: 3 };
    assert.deepEqual(await tamper(`UPDATE log_head SET size = ${huge}`), gone);
    assert.deepEqual(await tamper("UPDATE log_head SET size = -1"), gone);
    assert.deepEqual(await tamper("DELETE FROM log_head"), gone);
    await tamper(`UPDATE entry_ids SET idx = ${huge}`);
    assert.deepEqual(await log.recordsOf([all[0]?.id ?? ""]), [{ index: -1, salt: null }]);
    await storage.close();
  }));

function refusal(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof OperatorError && message.test(error.message);
}
