// Two gateways on one PostgreSQL database: they serve together, see each other's changes, and one of them can be killed.

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";
import {
  skipWithoutPostgres,
  startCluster,
  type TestCluster,
} from "../../src/storage/postgres/cluster.test-support.ts";
import { killUnderLoad, neverDone, type Told } from "./crash-load.ts";
import { ask, startReplicas } from "./replicas.ts";
import { startGateway, type TestGateway } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

/** Longer than a heartbeat may stand still, with what comes behind. */
const patienceMs = 40_000;

describe("two gateways on one database", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  const config = async (
    more = "",
  ): Promise<string> => `database: "${cluster.url(await cluster.newDatabase())}"
providers:
  demo: { type: demo }
${more}applications:
  - { name: assistant }
`;

  test("write one log, which verifies, and end without a trace of each other", async (t) => {
    const { first, second, key } = await startReplicas(await config());
    t.after(() => Promise.all([first.kill(), second.kill()]));
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, at) => ask(at % 2 === 0 ? first : second, key)),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    const trail = await readTrail(second);
    const byInstance = Map.groupBy(leavesOf(trail, "call.completed"), ({ instance }) => instance);
    assert.deepEqual(
      [...byInstance.values()].map((leaves) => leaves.length),
      [30, 30],
    );
    await first.close();
    assert.equal((await ask(second, key)).status, 200);
    await second.close();
  });

  test("let a key in and keep it out alike, wherever it was made or revoked", async (t) => {
    const { first, second } = await startReplicas(await config());
    t.after(() => Promise.all([first.kill(), second.kill()]));
    const made = second.cli("keys", "create", "--application", "assistant");
    const key = /pcl_[\w-]+/.exec(made.stdout)?.[0] ?? "";
    await eventually(async () => (await ask(first, key)).status === 200);
    const id = /key_[\w-]+/.exec(made.stdout)?.[0] ?? "";
    assert.equal(first.cli("keys", "revoke", id).status, 0);
    await eventually(async () => (await ask(second, key)).status === 401);
    for (const gateway of [first, second]) assert.doesNotMatch(gateway.cli("keys", "list").stdout, /damaged/);
    await first.close();
    await second.close();
  });

  test("decide by the policies that one of them puts in force last", async (t) => {
    const { first, second, key } = await startReplicas(await config());
    t.after(() => Promise.all([first.kill(), second.kill()]));
    appendFileSync(
      `${first.folder}/policies/stop.cedar`,
      '@id("stop")\n@reason("everything stops")\nforbid (principal, action, resource);\n',
    );
    await eventually(async () => (await ask(first, key)).status === 403);
    await eventually(async () => (await ask(second, key)).status === 403);
    await first.close();
    await second.close();
  });

  test("keep one limit between them, however many calls come at once", async (t) => {
    const { first, second, key } = await startReplicas(await config());
    t.after(() => Promise.all([first.kill(), second.kill()]));
    appendFileSync(
      `${first.folder}/policies/budget.cedar`,
      '@id("forty")\n@reason("no more than 40 requests a month")\nforbid (principal, action == Portcullis::Action::"chat", resource)\nwhen { context.rate.month > 40 };\n',
    );
    const inForce = (gateway: TestGateway): boolean => gateway.cli("usage", "--now").stdout.includes("month");
    await eventually(async () => inForce(first) && inForce(second));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => ask(at % 2 === 0 ? first : second, key)),
    );
    const counts = Object.fromEntries(
      [...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]),
    );
    assert.deepEqual(counts, { 200: 40, 429: 60 });
    await first.close();
    await second.close();
  });

  test("go on without one that is frozen, which takes no call when it wakes", async (t) => {
    const { first, second, key } = await startReplicas(await config());
    t.after(() => Promise.all([first.kill(), second.kill()]));
    first.freeze(true);
    await eventually(async () => leavesOf(await readTrail(second), "log.recovered").length === 1);
    assert.equal((await ask(second, key)).status, 200);
    first.freeze(false);
    assert.equal((await ask(first, key)).status, 503);
    await first.kill();
    await second.close();
  });

  test("after kill -9 of either under load the other completes what it left, and nothing that was told is lost", async (t) => {
    const upstream = await neverDone();
    t.after(() => upstream.close());
    const { first, second, key } = await startReplicas(
      await config(`  slow: { type: openai, base_url: "${upstream.baseUrl}" }
approvals: { wait: 0s }
tools:
  send_email: { effect: write }
  book_room: { effect: write, unattended: "rooms cost nothing" }
`),
    );
    t.after(() => Promise.all([first.kill(), second.kill()]));
    let [victim, other] = [first, second];
    const told: Told[] = [];
    for (let round = 0; round < 2; round += 1) {
      const beside = keepAsking(other, key);
      told.push(...(await killUnderLoad(victim, key, 40)));
      told.push(...(await beside.stop()));
      await eventually(async () => openCalls(await readTrail(other)).length === 0);
      const verified = other.cli("audit", "verify");
      assert.equal(verified.status, 0, verified.stdout + verified.stderr);
      const trail = await readTrail(other);
      assertToldIsOnRecord(trail, told);
      assert.ok(leavesOf(trail, "call.completed").some(({ outcome }) => outcome === "unknown"));
      assert.equal(leavesOf(trail, "log.recovered").length, round + 1);
      const again: TestGateway = await startGateway(victim.folder);
      t.after(() => again.kill());
      [victim, other] = [other, again];
    }
    await other.close();
  });
});

/** Calls one after the other, each of which must be answered. */
function keepAsking(gateway: TestGateway, key: string): { stop(): Promise<readonly Told[]> } {
  const told: Told[] = [];
  let stopped = false;
  const asking = (async () => {
    while (!stopped) {
      const answer = await ask(gateway, key);
      assert.equal(answer.status, 200);
      told.push({ kind: "whole", call: answer.headers.get("x-portcullis-call") ?? "", outcome: "ok" });
    }
    return told;
  })();
  return {
    stop: () => {
      stopped = true;
      return asking;
    },
  };
}

function openCalls(trail: readonly Leaf[]): readonly string[] {
  const completed = new Set(leavesOf(trail, "call.completed").map(({ call }) => call));
  return leavesOf(trail, "call.decided").flatMap(({ call }) => (completed.has(call) ? [] : [call]));
}

function assertToldIsOnRecord(trail: readonly Leaf[], told: readonly Told[]): void {
  const ends = leavesOf(trail, "call.completed").map(({ call, outcome }) => [call, outcome] as const);
  assert.equal(new Set(ends.map(([call]) => call)).size, ends.length, "each call ends once");
  const outcomes = new Map(ends);
  for (const { kind, call, outcome } of told) assert.equal(outcomes.get(call), outcome, `${kind} ${call}`);
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!(await holds())) {
    assert.ok(performance.now() < until, "it did not come about");
    await delay(100);
  }
}
