// What befalls a connection: nothing that was told is lost, nothing that was refused is there, and it goes on by itself.

import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LogUnavailableError } from "../../audit/log-store.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { entries } from "../contract/samples.ts";
import type { Storage } from "../storage.ts";
import { skipWithoutPostgres, startCluster, type TestCluster } from "./cluster.test-support.ts";
import { openPostgresStorage } from "./open.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.test-support.ts";

describe("a connection that is lost", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  const behindProxy = async (
    t: TestContext,
  ): Promise<{ readonly storage: Storage; readonly proxy: TcpProxy }> => {
    const proxy = await tcpProxy(cluster.port);
    const database = await cluster.newDatabase();
    const url = `postgres://gateway@127.0.0.1:${proxy.port}/${database}?sslmode=disable`;
    const storage = await openPostgresStorage({ url, warn: () => {} });
    t.after(async () => {
      await storage.close();
      await proxy.close();
    });
    await storage.log.takeOver("inst_1");
    return { storage, proxy };
  };

  test("behind a commit: whoever waits for it is told where it landed, once it is known", async (t) => {
    const { storage, proxy } = await behindProxy(t);
    const [first, second, third] = [entries(2, "first"), entries(3, "second"), entries(1, "third")];
    await storage.log.append(first);
    proxy.cutAt("COMMIT", "behind");
    assert.deepEqual(await storage.log.append(second), { firstIndex: 2, size: 5 });
    assert.deepEqual(await storage.log.append(third), { firstIndex: 5, size: 6 });
    await assertLogHolds(storage.log, [...first, ...second, ...third]);
  });

  test("before a commit: it is refused and not there, and the next takes its place", async (t) => {
    const { storage, proxy } = await behindProxy(t);
    const [first, third] = [entries(2, "first"), entries(1, "third")];
    await storage.log.append(first);
    proxy.cutAt("COMMIT", "before");
    await assert.rejects(storage.log.append(entries(3, "second")), LogUnavailableError);
    assert.deepEqual(await landing(() => storage.log.append(third)), { firstIndex: 2, size: 3 });
    await assertLogHolds(storage.log, [...first, ...third]);
  });

  test("in the middle of a transaction: it is refused and not there, with what was waiting", async (t) => {
    const { storage, proxy } = await behindProxy(t);
    proxy.cutAt("log_head", "behind");
    const raced = await Promise.allSettled([
      storage.log.append(entries(1)),
      storage.usage.advance(0, 5, []),
      storage.log.append(entries(1)),
    ]);
    for (const one of raced)
      assert.ok(one.status === "rejected" && one.reason instanceof LogUnavailableError);
    const last = entries(1, "last");
    await landing(() => storage.log.append(last));
    await assertLogHolds(storage.log, last);
    assert.equal(await storage.usage.position(), 0);
  });

  for (const how of ["fast", "immediate"] as const) {
    test(`by a server that stops (${how}) under load: what was told is there, and nothing else`, async (t) => {
      const { storage } = await behindProxy(t);
      const told: { readonly appended: ReturnType<typeof entries>; readonly firstIndex: number }[] = [];
      const faults: unknown[] = [];
      let stopped = false;
      const load = Array.from({ length: 20 }, async () => {
        while (!stopped) {
          const appended = entries(2);
          try {
            const { firstIndex } = await storage.log.append(appended);
            told.push({ appended, firstIndex });
          } catch (fault) {
            faults.push(fault);
            await delay(10);
          }
        }
      });
      await until(() => told.length > 200);
      await cluster.stop(how);
      // Those of whom nobody knows yet whether they were committed wait; whoever comes now is refused.
      await assert.rejects(storage.log.append(entries(1)), LogUnavailableError);
      await cluster.start();
      const before = told.length;
      await until(() => told.length > before + 200);
      stopped = true;
      await Promise.all(load);
      for (const fault of faults) assert.ok(fault instanceof LogUnavailableError, String(fault));
      told.sort((one, other) => one.firstIndex - other.firstIndex);
      const expected = told.flatMap(({ appended }) => appended);
      const stored = await storage.log.read(0, 10_000);
      assert.deepEqual(
        stored.map(({ leaf }) => Buffer.from(leaf).toString()),
        expected.slice(0, 10_000).map(({ leaf }) => Buffer.from(leaf).toString()),
      );
      assert.equal((await storage.log.head()).size, expected.length);
    });
  }

  test("while the server is away everything is refused soon, reads too", async (t) => {
    const { storage } = await behindProxy(t);
    await cluster.stop("fast");
    await assert.rejects(storage.log.append(entries(1)), LogUnavailableError);
    await assert.rejects(storage.log.head(), LogUnavailableError);
    await assert.rejects(storage.keys.list(), LogUnavailableError);
    await cluster.start();
    await landing(() => storage.log.append(entries(1)));
    assert.equal((await storage.log.head()).size, 1);
  });
});

/** Of the first try that is not refused. */
async function landing<Value>(write: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await write();
    } catch (fault) {
      if (!(fault instanceof LogUnavailableError)) throw fault;
      await delay(20);
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(10);
}
