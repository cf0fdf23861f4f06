// Storage on a test's own server, for the contract suite and whatever else stands on it.

import type { StorageUnderTest } from "../contract/driver.ts";
import type { Storage } from "../storage.ts";
import type { TestCluster } from "./cluster.test-support.ts";
import type { HeartbeatTimes } from "./instances.ts";
import { openPostgresStorage } from "./open.ts";

export function openOn(cluster: TestCluster, database: string, times?: HeartbeatTimes): Promise<Storage> {
  return openPostgresStorage({
    url: cluster.url(database),
    warn: () => {},
    ...(times === undefined ? {} : { times }),
  });
}

export async function contractStorage(cluster: TestCluster): Promise<StorageUnderTest> {
  const database = await cluster.newDatabase();
  let open: Storage[] = [];
  const openOne = async (): Promise<Storage> => {
    const storage = await openOn(cluster, database);
    open = [...open, storage];
    return storage;
  };
  const closeAll = async (): Promise<void> => {
    await Promise.all(open.splice(0).map((storage) => storage.close()));
  };
  return {
    stores: await openOne(),
    rival: openOne,
    replace: async (rival, instance) => {
      const epoch = await rival.log.takeOver(instance);
      // As if nothing had been heard of the others for long enough.
      await cluster.query(
        database,
        `UPDATE portcullis.instances SET ended_at = clock_timestamp() WHERE epoch <> ${epoch}`,
      );
      return epoch;
    },
    reopen: async () => {
      await closeAll();
      return openOne();
    },
    close: async () => {
      await closeAll();
      await cluster.query("postgres", `DROP DATABASE ${database} WITH (FORCE)`);
    },
  };
}
