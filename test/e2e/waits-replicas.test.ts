// Two gateways on one database, a client that waits at one of them, and people who decide at the other.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  skipWithoutPostgres,
  startCluster,
  type TestCluster,
} from "../../src/storage/postgres/cluster.test-support.ts";
import { asOperator } from "./admin-bench.ts";
import { fakedClock, withoutFaketime } from "./faked-clock.ts";
import {
  askMail,
  decide,
  invite,
  mailBody,
  mailConfig,
  mailFolder,
  mailModel,
  pending,
  proposal,
} from "./mail-gate.ts";
import { startReplicas } from "./replicas.ts";
import { startGateway } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

describe("what waits at one of two gateways", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  const database = async (): Promise<string> => `database: "${cluster.url(await cluster.newDatabase())}"\n`;

  test("is decided at the other, is no more than may wait at both, and outlives its gateway", async (t) => {
    const upstream = await mailModel(t);
    const config = mailConfig(upstream, {
      approvals: "{ max_pending: { application: 5 } }",
      more: await database(),
    });
    const { first, second, key } = await startReplicas(config);
    t.after(async () => {
      await Promise.all([first.kill(), second.kill()]);
      for (const { folder } of [first, second]) rmSync(folder, { recursive: true });
    });
    const token = await invite(first, "ben");
    await until(async () => (await asOperator(second.url, token)("GET", "/approvals")).status === 200);

    const answers = Array.from({ length: 12 }, (_, at) =>
      askMail(at % 2 === 0 ? first : second, key, mailBody(`Write number ${at}`)),
    );
    const full = await pending(second, token, 5);
    const told = answers.map(async (answer) => {
      const got = await answer;
      return { isHere: got.status === 200, text: await got.text() };
    });
    // Nobody decides before all that are too many are told so.
    await until(async () => leavesOf(await readTrail(second), "call.completed").length === 7);
    assert.equal((await pending(first, token)).length, 5);
    for (const approval of full) await decide(second, token, approval);
    const got = await Promise.all(told);
    const came = got.filter(({ isHere }) => isHere).map(({ text }) => text);
    assert.deepEqual(
      came,
      Array.from({ length: 5 }, () => proposal.whole),
    );
    for (const { isHere, text } of got) assert.ok(isHere || /as many approvals wait as may/.test(text), text);

    const asked = upstream.bodies.length;
    const cut = askMail(first, key, mailBody("Write it")).then((answer) => answer.text());
    const [approval] = await pending(second, token);
    assert.ok(approval);
    await Promise.all([assert.rejects(cut), first.kill()]);
    // The other looks on for a while before it takes the first for dead.
    await until(async () => leavesOf(await readTrail(second), "log.recovered").length === 1);
    const again = askMail(second, key, mailBody("Write it"));
    await decide(second, token, approval);
    assert.equal(await (await again).text(), proposal.whole);
    assert.equal(upstream.bodies.length, asked + 1, "the model was asked once");
    await second.stop();
  });

  test("expires by the database's clock, and is not voted on where another would say that it was too late", {
    skip: withoutFaketime,
  }, async (t) => {
    const upstream = await mailModel(t);
    const folder = mailFolder(t, mailConfig(upstream, { more: await database() }));
    const { environment, jump } = fakedClock(join(folder, "time"));
    jump("+30s");
    const gateway = await startGateway(folder, environment);
    t.after(() => gateway.kill());
    const token = await invite(gateway, "ben");
    const key = gateway.key ?? "";
    const first = askMail(gateway, key, mailBody("Write it"));
    for (const approval of await pending(gateway, token)) await decide(gateway, token, approval);
    assert.equal(await (await first).text(), proposal.whole);

    const second = askMail(gateway, key, mailBody("Write it once more"));
    const [waiting] = await pending(gateway, token);
    assert.ok(waiting);
    jump("+2d");
    const ballot = { decision: "approve", digest: waiting.digest };
    const late = await asOperator(gateway.url, token)("POST", `/approvals/${waiting.id}/votes`, ballot);
    assert.equal(late.status, 403, late.text);
    assert.match(late.json.error.message, /clock is \d+ s ahead of the data store's/);
    assert.equal((await pending(gateway, token)).length, 1, "it has not expired");
    const [refused] = leavesOf(await readTrail(gateway), "approval.vote_refused");
    assert.equal(refused?.refused, "may_not_vote");
    const stopped = gateway.stop();
    assert.equal((await second).status, 409);
    await stopped;
  });
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(50);
}
