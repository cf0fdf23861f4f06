import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { LogUnavailableError } from "../../audit/log-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { apiKey, entries, entry, headOf, hexHead } from "../contract/samples.ts";
import { openDatabase, type SqliteConnections } from "./database.ts";
import { openSqliteStorage, storageOn } from "./open.ts";
import { withFolder } from "./test-data.test-support.ts";
import { SqliteWriter } from "./writer.ts";

test("what was acknowledged before a kill -9 is there, in its place, and the log goes on, again and again", () =>
  withFolder(async (folder) => {
    let before = 0;
    for (let round = 0; round < 3; round += 1) {
      const acknowledged = await appendUntilKilled(folder, 150);
      const storage = openSqliteStorage(folder);
      const stored = await storage.log.read(0, 10_000);
      assert.deepEqual(
        stored.map(({ index }) => index),
        stored.map((_, at) => at),
      );
      assert.deepEqual(hexHead(await storage.log.head()), hexHead(headOf(stored.map(({ leaf }) => leaf))));
      for (const { firstIndex, ids } of acknowledged) {
        assert.ok(firstIndex >= before);
        for (const [at, id] of ids.entries()) {
          assert.equal((await storage.log.byId(id))?.index, firstIndex + at);
          assert.equal((await storage.log.salt(id)) !== null, at === 0);
        }
      }
      // Whatever was under way is there in pairs or not at all.
      assert.equal(stored.length % 2, 0);
      before = stored.length;
      await storage.close();
    }
  }));

test("a full disk refuses what does not fit, never keeps half of it, and appending works again when there is room", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const storage = storageOn(connections);
    const { log, keys } = storage;
    await log.takeOver("inst_1");
    const kept: EncodedEntry[] = [entry("before")];
    await log.append(kept);

    limitPages(connections, 3);
    const large = "x".repeat(2_000);
    const attempts = Array.from({ length: 40 }, () => [entry(large), entry(large)]);
    const settled = await Promise.allSettled(attempts.map((pair) => log.append(pair)));
    for (const one of settled)
      if (one.status === "rejected") assert.ok(one.reason instanceof LogUnavailableError);
    assert.ok(settled.some(({ status }) => status === "rejected"));
    kept.push(...attempts.flatMap((pair, at) => (settled[at]?.status === "fulfilled" ? pair : [])));
    await assertLogHolds(log, kept);
    await assert.rejects(keys.create(apiKey({ hint: large.repeat(10) }), entry()), LogUnavailableError);
    assert.deepEqual(await keys.list(), []);

    limitPages(connections, 10_000);
    const after = entries(3, "after");
    await log.append(after);
    await assertLogHolds(log, [...kept, ...after]);
    await storage.close();
  }));

test("a full disk fails all who share the transaction alike, and none of their jobs is run again", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const writer = new SqliteWriter(connections.writer, {
      fence: () => {},
      beforeCommit: () => {},
      afterCommit: () => {},
      afterRollback: () => {},
      overwrite: () => {},
    });
    connections.writer.exec("CREATE TABLE notes (text TEXT)");
    limitPages(connections, 3);
    const runs: string[] = [];
    const note = (name: string, length: number): Promise<void> =>
      writer.write(() => {
        runs.push(name);
        connections.writer.prepare("INSERT INTO notes VALUES (?)").run("x".repeat(length));
      });
    const settled = await Promise.allSettled([note("small", 1), note("huge", 1_000_000), note("late", 1)]);
    for (const one of settled)
      assert.ok(one.status === "rejected" && one.reason instanceof LogUnavailableError);
    assert.deepEqual(runs, ["small", "huge"]);
    await note("next", 1);
    assert.equal(connections.reader.prepare("SELECT count(*) AS notes FROM notes").get()?.["notes"], 1);
    writer.close();
    connections.close();
  }));

test("a database that cannot be written fails all who wait, and serves those who come when it can be", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    const storage = storageOn(connections);
    await storage.log.takeOver("inst_1");
    connections.writer.exec("PRAGMA query_only = ON");
    const settled = await Promise.allSettled(entries(50).map((one) => storage.log.append([one])));
    for (const one of settled)
      assert.ok(one.status === "rejected" && one.reason instanceof LogUnavailableError);
    connections.writer.exec("PRAGMA query_only = OFF");
    const again = entry();
    await storage.log.append([again]);
    await assertLogHolds(storage.log, [again]);
    await storage.close();
  }));

test("too many who wait are refused before anything is done, and the others are served", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    const waiting: Promise<unknown>[] = [];
    for (let at = 0; at < 50_010; at += 1) waiting.push(storage.payloads.putPayloads([]));
    const settled = await Promise.allSettled(waiting);
    const refused = settled.filter((one) => one.status === "rejected");
    assert.equal(refused.length, 10);
    for (const { reason } of refused) assert.ok(reason instanceof LogUnavailableError);
    await storage.close();
  }));

interface Acknowledged {
  readonly firstIndex: number;
  readonly ids: readonly string[];
}

/** Kills a process that appends, once it has had this many appends acknowledged. */
async function appendUntilKilled(folder: string, appends: number): Promise<readonly Acknowledged[]> {
  const script = join(import.meta.dirname, "append-loop.test-support.ts");
  const child: ChildProcess = spawn(process.execPath, [script, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const acknowledged: Acknowledged[] = [];
  assert.ok(child.stdout !== null);
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const [firstIndex, ...ids] = line.split(" ");
    // The last line may have been cut.
    if (ids.length === 2 && ids[1]?.length === 36) acknowledged.push({ firstIndex: Number(firstIndex), ids });
    if (acknowledged.length === appends) child.kill("SIGKILL");
  }
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  return acknowledged;
}

/** Leaves the database this many pages to grow. */
function limitPages({ writer }: SqliteConnections, more: number): void {
  const pages = Number(writer.prepare("PRAGMA page_count").get()?.["page_count"]);
  writer.exec(`PRAGMA max_page_count = ${pages + more}`);
}
