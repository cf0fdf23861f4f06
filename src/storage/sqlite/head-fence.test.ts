import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { FencedError, LogUnavailableError } from "../../audit/log-store.ts";
import { OperatorError } from "../../core/operator-error.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { apiKey, entries, entry, headOf } from "../contract/samples.ts";
import { packHashes } from "../rows/packed-hashes.ts";
import { openSqliteStorage } from "./open.ts";
import { withFolder } from "./test-data.test-support.ts";

const other = packHashes(headOf(entries(3).map(({ leaf }) => leaf)).frontier).toString();

for (const [what, change] of [
  ["its size", "UPDATE log_head SET size = 4"],
  ["its frontier", "UPDATE log_head SET frontier = randomblob(length(frontier))"],
  [
    "its frontier to another length",
    `UPDATE log_head SET frontier = x'${Buffer.from(other).toString("hex")}'`,
  ],
  ["the whole of it", "DELETE FROM log_head"],
] as const) {
  test(`nothing is written on top of a head that somebody else changed: ${what}`, () =>
    withFolder(async (folder) => {
      const storage = openSqliteStorage(folder);
      await storage.log.takeOver("inst_1");
      const kept = entries(3);
      await storage.log.append(kept);
      tamper(folder, change);
      await assert.rejects(storage.log.append(entries(1)), /head of the log was changed by something other/);
      await assert.rejects(storage.log.append([]), FencedError);
      await assert.rejects(storage.keys.create(apiKey(), entry()), FencedError);
      assert.deepEqual(await storage.keys.list(), []);
      assert.equal((await storage.log.read(0, 10)).length, kept.length);
      await storage.close();
    }));
}

test("a row in the way of the next entry makes appends fail, and no entry is lost or half there", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    const kept = entries(3);
    await storage.log.append(kept);
    tamper(folder, "INSERT INTO entries VALUES (3, x'7b7d')");
    const settled = await Promise.allSettled(entries(5).map((one) => storage.log.append([one])));
    for (const one of settled)
      assert.ok(one.status === "rejected" && one.reason instanceof LogUnavailableError);
    tamper(folder, "DELETE FROM entries WHERE idx = 3");
    const next = entry();
    await storage.log.append([next]);
    await assertLogHolds(storage.log, [...kept, next]);
    await storage.close();
  }));

test("a log that lost its head is refused in words", () =>
  withFolder(async (folder) => {
    await openSqliteStorage(folder).close();
    tamper(folder, "DELETE FROM log_head");
    const { log, ...storage } = openSqliteStorage(folder);
    for (const asked of [log.head(), log.openFrom(), log.takeOver("inst_1")]) {
      await assert.rejects(
        asked,
        (error) => error instanceof OperatorError && /lost its head/.test(error.message),
      );
    }
    await storage.close();
  }));

test("a head with numbers that no log has is refused in words", () =>
  withFolder(async (folder) => {
    await openSqliteStorage(folder).close();
    tamper(folder, `UPDATE log_head SET size = ${2n ** 60n}`);
    const { log, ...storage } = openSqliteStorage(folder);
    for (const asked of [log.head(), log.takeOver("inst_1")])
      await assert.rejects(asked, LogUnavailableError);
    await storage.close();
  }));

/** As whoever can write the data folder, past the gateway. */
function tamper(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "portcullis.db"), { timeout: 1_000 });
  database.exec(sql);
  database.close();
}
