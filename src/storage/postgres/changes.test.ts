import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { apiKey, entry } from "../contract/samples.ts";
import type { Storage } from "../storage.ts";
import { skipWithoutPostgres, startCluster, type TestCluster } from "./cluster.test-support.ts";
import { openOn } from "./storage.test-support.ts";

describe("what another gateway changes", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test("is looked at, also after connections were lost and the database was away, and again when a look failed", async (t) => {
    const database = await cluster.newDatabase();
    const [one, other] = [await openOn(cluster, database), await openOn(cluster, database)];
    t.after(() => Promise.all([one.close(), other.close()]));
    await one.log.takeOver("one");
    await other.log.takeOver("other");
    const { changes } = other;
    assert.ok(changes !== null);
    const seen = { keys: 0, secrets: 0, fails: true };
    changes.watch("keys", async () => {
      seen.keys = (await other.keys.list()).length;
    });
    changes.watch("secrets", async () => {
      seen.secrets += 1;
      if (seen.secrets > 1 && seen.fails) throw new Error("it cannot be looked at");
    });
    assert.equal(changes.current, false, "before it has looked");
    await changes.start();
    assert.deepEqual([changes.current, seen.keys, seen.secrets], [true, 0, 1]);

    await one.keys.create(apiKey(), entry());
    await until(() => seen.keys === 1);
    await cluster.query(
      database,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portcullis'",
    );
    await landing(one);
    await until(() => seen.keys === 2);
    assert.equal(seen.secrets, 1, "what was not changed is not looked at");

    await cluster.stop("fast");
    await until(() => !changes.current);
    await cluster.start();
    await landing(one);
    await until(() => seen.keys === 3 && changes.current);

    await one.secrets.put(
      {
        name: "a",
        version: 1,
        keyId: "k",
        wrappedKey: Buffer.from("w"),
        ciphertext: Buffer.from("c"),
        createdAt: 1,
      },
      entry(),
    );
    await until(() => seen.secrets > 2 && !changes.current);
    seen.fails = false;
    await until(() => changes.current);
  });
});

/** A key, as soon as the database takes one. */
async function landing(storage: Storage): Promise<void> {
  for (;;) {
    try {
      return await storage.keys.create(apiKey(), entry());
    } catch {
      await delay(50);
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(20);
}
