import { after, before, describe } from "node:test";
import { describeStorageContract } from "../contract.ts";
import { skipWithoutPostgres, startCluster, type TestCluster } from "./cluster.test-support.ts";
import { contractStorage } from "./storage.test-support.ts";

describe("on a server", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());
  describeStorageContract("PostgreSQL", () => contractStorage(cluster));
});
