import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { LogUnavailableError } from "../../audit/log-store.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { apiKey, entries, entry, hex } from "../contract/samples.ts";
import { openFolder } from "./database.ts";
import { openSqliteStorage } from "./open.ts";
import { packEntries, unpackEntries } from "./packed-entries.ts";
import { withFolder } from "./test-data.test-support.ts";
import { detached, faultOf, plainFault } from "./write-messages.ts";
import { WriteThread } from "./write-thread.ts";

test("packed entries come out as they went in", () => {
  const all = [entry("one", "sub_1"), entry("two"), entry("", "sub_2"), entry("ü".repeat(30_000))];
  const plain = (list: typeof all) =>
    list.map(({ id, leaf, salt }) => [id, hex(leaf), salt?.subject, hex(salt?.bytes ?? null)]);
  assert.deepEqual(plain([...unpackEntries(structuredClone(packEntries(all)))]), plain(all));
  assert.deepEqual(unpackEntries(packEntries([])), []);
});

test("a value for another thread has bytes of its own", () => {
  const slab = new Uint8Array(1_000).fill(7);
  const value = { name: "x", of: [slab.subarray(3, 5), null, { deep: slab.subarray(0, 1) }], at: 3 };
  const copy = detached(value);
  assert.deepEqual(copy, value);
  assert.equal(JSON.stringify(copy), JSON.stringify(value));
  const held = new Set<number>();
  JSON.stringify(copy, (_, member) => {
    if (member instanceof Uint8Array) held.add(member.buffer.byteLength);
    return member;
  });
  assert.deepEqual(held, new Set([2, 1]));
});

test("faults keep their kind, their words and what caused them", () => {
  for (const fault of [
    new LogUnavailableError("no", { cause: new Error("why") }),
    new TypeError("no"),
    new Error("no"),
  ]) {
    const there = faultOf(structuredClone(plainFault(fault)));
    assert.equal(there.constructor, fault.constructor);
    assert.equal(there.message, "no");
    assert.equal(there.cause instanceof Error ? there.cause.message : null, fault.cause ? "why" : null);
  }
});

test("a job of the thread that fails is told to its caller alone", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    const key = apiKey();
    const [all, twice] = [entries(3), entry()];
    const settled = await Promise.allSettled([
      storage.log.append(all),
      storage.keys.create(key, twice),
      storage.keys.create(key, entry()),
      storage.log.append([{ id: "no id", leaf: new Uint8Array(), salt: null }]),
    ]);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "fulfilled", "rejected", "rejected"],
    );
    assert.ok(settled[3]?.status === "rejected" && settled[3].reason instanceof TypeError);
    await assertLogHolds(storage.log, [...all, twice]);
    await storage.close();
  }));

test("what waits is written before it closes, and nothing afterwards", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    const taken = storage.log.takeOver("inst_1");
    const all = entries(2_000);
    const appended = Promise.allSettled(all.map((one) => storage.log.append([one])));
    await Promise.all([storage.close(), storage.close()]);
    await taken;
    for (const one of await appended) assert.equal(one.status, "fulfilled");
    await assert.rejects(storage.log.append(entries(1)), /the database is closed/);
    const again = openSqliteStorage(folder);
    await assertLogHolds(again.log, all);
    await again.close();
  }));

test("a stop refuses what waits and what comes", () =>
  withFolder(async (folder) => {
    const storage = openSqliteStorage(folder);
    await storage.log.takeOver("inst_1");
    const waiting = storage.log.append(entries(1));
    storage.log.stop("the tree is another");
    await assert.rejects(waiting, /the tree is another/);
    await assert.rejects(storage.log.append(entries(1)), LogUnavailableError);
    await storage.close();
  }));

test("when the thread falls, whoever waits is told, and nothing is written any more", () =>
  withFolder(async (folder) => {
    const opened = openFolder(folder);
    // Not a database: the thread cannot open it.
    const thread = new WriteThread(join(folder, "nowhere"));
    const job = { store: "usage", method: "reset", values: [] } as const;
    await assert.rejects(thread.run(job), /unable to open database/);
    await assert.rejects(thread.run(job), /the thread that writes the database fell .*restart the gateway/);
    await thread.close();
    opened.closeReader();
    opened.release();
  }));

test("a value that cannot go over fails its batch, and those behind it are served", () =>
  withFolder(async (folder) => {
    const opened = openFolder(folder);
    const thread = new WriteThread(folder);
    const reset = { store: "usage", method: "reset" } as const;
    const settled = await Promise.allSettled([
      thread.run({ ...reset, values: [() => "no message holds this"] }),
      thread.run({ ...reset, values: [] }),
    ]);
    for (const one of settled)
      assert.ok(one.status === "rejected" && one.reason instanceof LogUnavailableError);
    await thread.run({ ...reset, values: [] });
    opened.closeReader();
    await thread.close();
    opened.release();
  }));

test("an idle thread keeps no process, and one at work does", () =>
  withFolder(async (folder) => {
    const script = `
      const { openSqliteStorage } = await import(${JSON.stringify(new URL("./open.ts", import.meta.url).href)});
      const { log } = openSqliteStorage(${JSON.stringify(folder)});
      await log.takeOver("inst_1");
      void log.setOpenFrom(7);
    `;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.deepEqual([status, stderr], [0, ""]);
    const database = new DatabaseSync(join(folder, "portcullis.db"));
    assert.equal(database.prepare("SELECT open_from FROM log_head").get()?.["open_from"], 7);
    database.close();
  }));
