// Several instances on one database: who is gone, who clears up and who signs.

import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FencedError } from "../../audit/log-store.ts";
import { NotSigningError, type PeerStore } from "../../audit/peer-store.ts";
import { free, monthEnd, reservation, shopMonth, used } from "../contract/counter-samples.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { apiKey, entries, entry, headOf } from "../contract/samples.ts";
import type { Storage } from "../storage.ts";
import { skipWithoutPostgres, startCluster, type TestCluster } from "./cluster.test-support.ts";
import type { HeartbeatTimes } from "./instances.ts";
import { openOn } from "./storage.test-support.ts";

const quick: HeartbeatTimes = { everyMs: 40, expiryMs: 400 };
/** Longer than it takes to find a database again that is back. */
const patient: HeartbeatTimes = { everyMs: 100, expiryMs: 4_000 };
/** Takes over, and is not heard of again unless it writes. */
const silent: HeartbeatTimes = { everyMs: 1_000_000, expiryMs: 1_000_000 };

describe("instances on one database", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  const join = async (
    t: TestContext,
    database: string,
    name: string,
    times: HeartbeatTimes,
  ): Promise<{ readonly storage: Storage; readonly peers: PeerStore }> => {
    const storage = await openOn(cluster, database, times);
    t.after(() => storage.close());
    await storage.log.takeOver(name);
    const { peers } = storage.log;
    assert.ok(peers !== null);
    return { storage, peers };
  };

  test("write next to each other, without a gap", async (t) => {
    const database = await cluster.newDatabase();
    const stores: Awaited<ReturnType<typeof join>>[] = [];
    for (const name of ["one", "two", "three"]) stores.push(await join(t, database, name, quick));
    const placed = await Promise.all(
      Array.from({ length: 120 }, async (_, at) => {
        const appended = entries(1 + (at % 3), `append ${at}`);
        const receipt = await stores[at % 3]?.storage.log.append(appended);
        return { appended, firstIndex: receipt?.firstIndex ?? -1 };
      }),
    );
    placed.sort((one, other) => one.firstIndex - other.firstIndex);
    const [any] = stores;
    assert.ok(any !== undefined);
    await assertLogHolds(
      any.storage.log,
      placed.flatMap(({ appended }) => appended),
    );
  });

  test("change nothing whose entry cannot be put on top of the stored head", async (t) => {
    const database = await cluster.newDatabase();
    const { storage } = await join(t, database, "one", patient);
    await storage.log.append(entries(3));
    await cluster.query(database, "UPDATE portcullis.log_head SET frontier = ''");
    await assert.rejects(storage.keys.create(apiKey(), entry()), /too few hashes/);
    assert.deepEqual(await storage.keys.list(), []);
  });

  test("release what those had reserved whose calls have ended, and leave what others hold", async (t) => {
    const database = await cluster.newDatabase();
    const [one, two] = [await join(t, database, "one", patient), await join(t, database, "two", patient)];
    const counters = [free(shopMonth)];
    await one.storage.counters.reserve(reservation({ call: "call_1", holder: "one", counters }));
    await two.storage.counters.reserve(reservation({ call: "call_2", holder: "two", counters }));
    const release = () => two.storage.counters.releaseOfOthers(["two"]);
    assert.equal(await release(), 0);
    await one.peers.leave();
    assert.equal(await release(), 0, "its calls end on the log yet, as unknown, and count what they hold");
    await eventually(() => two.peers.claimLeft());
    await two.peers.settle("one");
    assert.equal(await release(), 1);
    assert.deepEqual(await two.storage.counters.read(monthEnd, [shopMonth]), [used]);
  });

  test("fence one of which nothing is heard, and one of them clears up after it, then the next", async (t) => {
    const database = await cluster.newDatabase();
    const gone = await join(t, database, "gone", silent);
    await gone.storage.log.append(entries(3));
    await gone.storage.log.setOpenFrom(2);
    const heir = await join(t, database, "heir", quick);
    const claimed = await eventually(() => heir.peers.claimLeft());
    assert.deepEqual(claimed, [{ instance: "gone", openFrom: 2 }]);
    await assert.rejects(gone.storage.log.append(entries(1)), FencedError);
    await assert.rejects(gone.storage.usage.advance(0, 1, []), FencedError);
    const beside = await join(t, database, "beside", quick);
    await delay(3 * quick.everyMs);
    assert.deepEqual(await beside.peers.claimLeft(), []);
    assert.deepEqual(await heir.peers.claimLeft(), claimed, "until it has settled it");
    await heir.peers.leave();
    await assert.rejects(heir.peers.settle("gone"), FencedError);
    const inherited = await eventually(async () => {
      const left = await beside.peers.claimLeft();
      return left.length === 2 ? left : [];
    });
    assert.deepEqual(
      inherited.map(({ instance }) => instance),
      ["gone", "heir"],
    );
    for (const { instance } of inherited) await beside.peers.settle(instance);
    assert.deepEqual(await beside.peers.claimLeft(), []);
    assert.equal((await beside.storage.log.head()).size, 3);
  });

  test("leave one alone that writes, whoever's heartbeat stands still", async (t) => {
    const database = await cluster.newDatabase();
    const busy = await join(t, database, "busy", silent);
    const other = await join(t, database, "other", quick);
    const until = performance.now() + 3 * quick.expiryMs;
    while (performance.now() < until) {
      await busy.storage.log.append(entries(1));
      await delay(quick.everyMs);
    }
    assert.deepEqual(await other.peers.claimLeft(), []);
  });

  test("are not fenced while they wait for each other's claims", async (t) => {
    const database = await cluster.newDatabase();
    // Longer than one waits for a lock, and shorter than two do.
    const times: HeartbeatTimes = { everyMs: 100, expiryMs: 6_000 };
    const [one] = [await join(t, database, "one", times), await join(t, database, "two", times)];
    await delay(5 * times.everyMs);
    const held = cluster.query(
      database,
      "BEGIN; LOCK TABLE portcullis.claims IN EXCLUSIVE MODE; SELECT pg_sleep(9); COMMIT",
    );
    await delay(times.everyMs);
    const claims = ["call_1", "call_2"].map((call) => one.storage.counters.release(call));
    for (const claim of await Promise.allSettled(claims)) assert.equal(claim.status, "rejected");
    await one.storage.log.append(entries(1));
    await held;
  });

  test("are not fenced because the database was away", async (t) => {
    const database = await cluster.newDatabase();
    const both = [await join(t, database, "one", patient), await join(t, database, "two", patient)];
    await delay(2 * patient.everyMs);
    await cluster.stop("fast");
    await delay(patient.expiryMs + 10 * patient.everyMs);
    await cluster.start();
    for (const { storage } of both) {
      await eventually(async () => {
        const receipt = await storage.log.append(entries(1)).catch((fault: unknown) => fault);
        assert.ok(!(receipt instanceof FencedError));
        return receipt instanceof Error ? [] : [receipt];
      });
    }
  });

  test("sign one at a time, whoever took it last", async (t) => {
    const database = await cluster.newDatabase();
    const one = await join(t, database, "one", quick);
    const checkpoint = (size: number) => ({
      ...headOf(entries(size).map(({ leaf }) => leaf)),
      time: size,
      root: Buffer.alloc(32, size),
      note: `note of ${size}`,
    });
    await one.storage.log.putCheckpoint(checkpoint(1));
    const two = await join(t, database, "two", quick);
    await assert.rejects(one.storage.log.putCheckpoint(checkpoint(2)), NotSigningError);
    await two.storage.log.putCheckpoint(checkpoint(2));
    await one.peers.takeSigning();
    await assert.rejects(two.storage.log.putCheckpoint(checkpoint(3)), NotSigningError);
    await one.storage.log.putCheckpoint(checkpoint(3));
    assert.equal(await two.peers.hasSigner(), true);
    await one.peers.leave();
    assert.equal(await two.peers.hasSigner(), false);
    assert.equal((await two.storage.log.latestCheckpoint())?.size, 3);
  });
});

async function eventually<Value>(look: () => Promise<readonly Value[]>): Promise<readonly Value[]> {
  const until = performance.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found.length > 0) return found;
    assert.ok(performance.now() < until, "it did not come about");
    await delay(20);
  }
}
