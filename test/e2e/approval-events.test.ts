import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { skipWithoutPostgres, startCluster } from "../../src/storage/postgres/cluster.test-support.ts";
import { Follower, ownToken } from "./event-follower.ts";
import { asOwner, heldCall, invited } from "./held-call.ts";
import { startReplicas } from "./replicas.ts";
import { startGateway, type TestGateway } from "./test-gateway.ts";

async function decide(gateway: TestGateway, id: string, decision: string, digest: string): Promise<void> {
  const { status, text } = await asOwner(gateway)("POST", `/approvals/${id}/votes`, { decision, digest });
  assert.equal(status, 200, text);
}

test("events tell each step of an approval, and who comes back hears what was missed", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.close());
  const follower = new Follower(gateway);
  assert.deepEqual(await follower.next(), ["snapshot", { approvals: [], pending: 0 }]);
  const key = gateway.key ?? "";
  const { approval, answer } = await heldCall(gateway, key);
  const { id, revision, state, digest, hold, application, tool } = approval;
  const item = { id, revision, state, digest, hold, application, tool };
  assert.deepEqual(await follower.next(), ["approval.requested", { ...item, pending: 1 }]);
  const requested = follower.last?.id ?? "";
  await decide(gateway, id, "approve", digest);
  assert.deepEqual(await follower.next(), ["approval.voted", { ...item, state: "approved", pending: 0 }]);
  assert.deepEqual(await follower.next(), ["approval.released", { ...item, state: "released", pending: 0 }]);
  await answer;
  await follower.stop();

  const other = await heldCall(gateway, key);
  const back = new Follower(gateway, requested);
  const names = [];
  for (let count = 0; count < 3; count += 1) names.push((await back.next())[0]);
  assert.deepEqual(names, ["approval.voted", "approval.released", "approval.requested"]);
  const edit = { digest: other.approval.digest, arguments: '{"to":"x@example.com"}' };
  await asOwner(gateway)("POST", `/approvals/${other.approval.id}/edit`, edit);
  assert.deepEqual((await back.next()).at(1).revision, 2);
  await asOwner(gateway)("POST", `/approvals/${other.approval.id}/revoke`, {});
  const [closed, { state: ended }] = await back.next();
  assert.deepEqual([closed, ended], ["approval.closed", "revoked"]);
  await back.stop();
  await other.answer;

  for (const id of ["another-1", `${requested.split("-")[0]}-999`, "x", ""]) {
    const stranger = new Follower(gateway, id);
    assert.equal((await stranger.next())[0], "snapshot", `\`${id}\` says nothing`);
    await stranger.stop();
  }
});

test("a snapshot has all that is open, and a stream ends with the gateway", async () => {
  const gateway = await startGateway();
  const { approval, answer } = await heldCall(gateway, gateway.key ?? "");
  const follower = new Follower(gateway);
  const [, snapshot] = await follower.next();
  assert.deepEqual(
    [snapshot.pending, snapshot.approvals.map((one: { id: string }) => one.id)],
    [1, [approval.id]],
  );
  const ended = follower.next().catch(() => null);
  await gateway.close();
  await follower.ended.promise;
  await ended;
  assert.match(await answer, /approval_pending/);
});

test("nobody follows without an operator's token, and not with one that has ended", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.close());
  const refused = await fetch(`${gateway.url}/api/events`, {
    headers: { authorization: "Bearer pco_wrong" },
  });
  assert.equal(refused.status, 401);
  const foreign = await fetch(`${gateway.url}/api/events`, {
    headers: { authorization: `Bearer ${ownToken(gateway)}`, origin: "https://evil.example" },
  });
  assert.equal(foreign.status, 403);
  const ben = invited(gateway, "ben@example.com");
  assert.equal((await ben("GET", "/approvals")).status, 200);
});

describe("two gateways on one database", skipWithoutPostgres(), () => {
  test("tell of what is asked for and decided at the other", async (t) => {
    const cluster = await startCluster();
    const database = cluster.url(await cluster.newDatabase());
    const config = `database: "${database}"
providers: { demo: { type: demo } }
groups: { operators: [owner@localhost] }
sign_offs: { default: { approvers: ["group:operators"] } }
applications: [{ name: assistant }]
`;
    const { first, second, key } = await startReplicas(config);
    t.after(async () => {
      await second.close();
      await first.close();
      await cluster.close();
    });
    const follower = new Follower(second);
    assert.equal((await follower.next())[0], "snapshot");
    const { approval, answer } = await heldCall(first, key);
    const [requested, { id }] = await follower.next();
    assert.deepEqual([requested, id], ["approval.requested", approval.id]);
    await decide(second, approval.id, "approve", approval.digest);
    const names = [(await follower.next())[0], (await follower.next())[0]];
    assert.deepEqual(names, ["approval.voted", "approval.released"]);
    assert.match(await answer, /"tool_calls"/);
    await follower.stop();
  });
});
