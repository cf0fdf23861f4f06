import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { thinCheckpoints } from "./checkpoint-thinning.ts";
import { openDatabase } from "./database.ts";
import { openSqliteStorage, storageOn } from "./open.ts";
import { migrations } from "./schema.ts";
import { withFolder } from "./test-data.test-support.ts";

const second = 1_000;
const day = 86_400 * second;

function checkpoint(size: number, time: number) {
  const root = Buffer.alloc(32, size);
  return { size, time, root, frontier: [root], note: `note of ${size}` };
}

test("days of checkpoints stay as many rows as the rule says, and no more", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const storage = storageOn(connections);
    let size = 0;
    // Two a minute, and at the end one every four seconds: enough of them to be thinned, and few enough for a test.
    for (let at = 0; at < 3 * day; at += at < 3 * day - 7_200 * second ? 30 * second : 4 * second) {
      size += 1;
      const put = storage.log.putCheckpoint(checkpoint(size, Date.UTC(2026, 0, 5) + at));
      if (size % 500 === 0) await put;
    }
    await storage.log.setOpenFrom(0);
    const rows = Number(connections.reader.prepare("SELECT count(*) AS n FROM checkpoints").get()?.["n"]);
    const [lastHour, lastDay, before] = [900, 23 * 60, 2 * 24];
    assert.ok(Math.abs(rows - (lastHour + lastDay + before)) <= 5, `${rows} are kept of ${size}`);
    await storage.close();
  }));

test("looks only at what came of age, through the index", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const { writer } = connections;
    const seen: string[] = [];
    const prepare = writer.prepare.bind(writer);
    Object.assign(writer, {
      prepare: (sql: string) => {
        seen.push(sql);
        return prepare(sql);
      },
    });
    thinCheckpoints(writer, 0, 1);
    assert.equal(seen.length, 2);
    for (const sql of seen) {
      const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(0, 1)
        .map((row) => String(row["detail"]));
      assert.ok(
        plan.some((detail) => /^SEARCH checkpoints USING (COVERING )?INDEX checkpoints_by_time/.test(detail)),
        plan.join("; "),
      );
      assert.ok(
        plan.every((detail) => !detail.startsWith("SCAN")),
        plan.join("; "),
      );
    }
    connections.close();
  }));

test("a database from before checkpoints had a time opens, and thins what it has to the latest of it", () =>
  withFolder(async (folder) => {
    const old = new DatabaseSync(join(folder, "portcullis.db"));
    old.exec(`${migrations[0]}; PRAGMA user_version = 1`);
    const insert = old.prepare("INSERT INTO checkpoints VALUES (?, ?, ?, ?)");
    for (const size of [3, 5, 8])
      insert.run(size, Buffer.alloc(32, size), `note of ${size}`, Buffer.alloc(32));
    old.close();
    const storage = openSqliteStorage(folder);
    const { log } = storage;
    assert.equal((await log.latestCheckpoint())?.size, 8);
    await log.putCheckpoint(checkpoint(9, Date.UTC(2026, 0, 5)));
    assert.deepEqual(
      (await log.keptCheckpoints(0)).map(({ size }) => size),
      [8, 9],
    );
    await storage.close();
  }));
