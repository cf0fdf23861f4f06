// The primary is lost under load and its synchronous standby takes its place: the gateway goes on without a restart, and
// nothing that a client was told is lost.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  skipWithoutPostgres,
  startCluster,
  startStandby,
} from "../../src/storage/postgres/cluster.test-support.ts";
import { tcpProxy } from "../../src/storage/postgres/tcp-proxy.test-support.ts";
import { ask } from "./replicas.ts";
import { startGateway, testFolder } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

describe("a gateway whose database fails over", skipWithoutPostgres(), () => {
  test("refuses calls until the standby is the primary, then goes on, with all that it told on record", async (t) => {
    const primary = await startCluster();
    t.after(() => primary.close());
    const database = await primary.newDatabase();
    const standby = await startStandby(primary);
    t.after(() => standby.close());
    const address = await tcpProxy(primary.port);
    t.after(() => address.close());
    const config = (port: number): string => `database: postgres://gateway@127.0.0.1:${port}/${database}
providers:
  demo: { type: demo }
applications:
  - { name: assistant }
`;
    const gateway = await startGateway(testFolder({ "portcullis.yaml": config(address.port) }));
    t.after(() => gateway.kill());
    const key = gateway.key ?? "";
    const told: string[] = [];
    const refused = new Set<number>();
    let stopped = false;
    const clients = Array.from({ length: 8 }, async () => {
      while (!stopped) {
        const answer = await ask(gateway, key);
        if (answer.status === 200) told.push(answer.headers.get("x-portcullis-call") ?? "");
        else {
          refused.add(answer.status);
          await delay(20);
        }
      }
    });
    await until(() => told.length > 100);
    await primary.stop("immediate");
    assert.equal((await ask(gateway, key)).status, 503);
    await standby.query("postgres", "SELECT pg_promote()");
    address.lead(standby.port);
    const before = told.length;
    await until(() => told.length > before + 100);
    stopped = true;
    await Promise.all(clients);
    assert.deepEqual(
      [...refused].filter((status) => status !== 503),
      [],
    );
    const trail = await readTrail(gateway);
    const completed = leavesOf(trail, "call.completed");
    const ends = new Map(completed.map(({ call, outcome }) => [call, outcome]));
    for (const call of told) assert.equal(ends.get(call), "ok", call);
    assert.equal(ends.size, completed.length, "each call ends once");
    for (const { call } of leavesOf(trail, "call.decided")) assert.ok(ends.has(call), `${call} has ended`);
    // The command line waits where this process does, which leads to the database.
    writeFileSync(join(gateway.folder, "portcullis.yaml"), config(standby.port));
    await gateway.close();
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(20);
}
