// kill -9 at every write that is made durable between a proposal and its release. Whatever had happened by then, the retry of
// the request ends with the very bytes that were approved, and nothing was released without its vote on record.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { asOperator } from "./admin-bench.ts";
import { injectFault, withoutStrace } from "./injected-fault.ts";
import {
  askMail,
  decide,
  invite,
  mailBody,
  mailConfig,
  mailFolder,
  mailModel,
  proposal,
} from "./mail-gate.ts";
import { startGateway, type TestGateway } from "./test-gateway.ts";
import { leavesOf, readTrail } from "./trail.ts";

/** More than there are. */
const most = 30;

test("killed at any sync from the proposal to the release, nothing is lost, changed or released by itself", {
  skip: withoutStrace,
}, async (t) => {
  const upstream = await mailModel(t);
  const folder = mailFolder(t, mailConfig(upstream));
  let gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const key = gateway.key ?? "";
  const token = await invite(gateway, "ben");
  let answers = 0;
  let point = 0;
  for (let killed = true; killed; answers += 1) {
    point += 1;
    assert.ok(point < most, "it comes to an end");
    const mode = point % 2 === 0 ? "stream" : "whole";
    const body = mailBody(`Write it, try ${point}`, mode);
    const asked = upstream.bodies.length;
    await injectFault(gateway.pid, "fsync,fdatasync", `signal=KILL:when=${point}`);
    const first = await unlessKilled(gateway, signedOff(gateway, key, token, body));
    killed = first === null;
    if (killed) gateway = await startGateway(folder);
    const voted = leavesOf(await readTrail(gateway), "approval.voted").length;
    const answer = first?.text ?? (await signedOff(gateway, key, token, body)).text;
    assert.equal(answer, proposal[mode], `killed at sync ${point}`);
    // Once somebody could see that it waits, neither they nor the model are asked again.
    if (voted > answers) assert.equal(upstream.bodies.length, asked + 1, `killed at sync ${point}`);
  }
  assert.ok(point > 5, `it was killed ${point - 1} times on the way`);
  await gateway.kill();
  gateway = await startGateway(folder);
  await assertVotedBefore(gateway, answers);
  await gateway.stop();
});

interface SignedOff {
  readonly text: string;
}

/** Ben approves what waits, if anything comes to wait before the answer. */
async function signedOff(gateway: TestGateway, key: string, token: string, body: string): Promise<SignedOff> {
  let answered = false;
  const answer = askMail(gateway, key, body)
    .then((response) => response.text())
    .finally(() => {
      answered = true;
    });
  const vote = async (): Promise<void> => {
    while (!answered) {
      const { json } = await asOperator(gateway.url, token)("GET", "/approvals?state=pending");
      const [approval] = json.approvals;
      if (approval !== undefined) return decide(gateway, token, approval);
      await delay(10);
    }
  };
  const [text] = await Promise.all([answer, vote()]);
  return { text };
}

/** Null when the gateway was killed in the middle of it. */
async function unlessKilled<Value>(gateway: TestGateway, work: Promise<Value>): Promise<Value | null> {
  try {
    return await work;
  } catch (fault) {
    const isAlive = Symbol("it lives");
    const ended = await Promise.race([gateway.ended, delay(10_000, isAlive, { ref: false })]);
    if (ended === isAlive) throw fault;
    return null;
  }
}

/** Every release has its vote before it, and every delivery its entry. */
async function assertVotedBefore(gateway: TestGateway, answers: number): Promise<void> {
  const voted = new Set<string>();
  const deliveries = new Map<string, number>();
  for (const leaf of await readTrail(gateway)) {
    if (leaf.type === "approval.voted" && leaf.state === "approved") voted.add(leaf.digest);
    if (leaf.type !== "approval.released") continue;
    assert.ok(voted.has(leaf.digest), `${leaf.approval} was voted on before it was released`);
    const before = deliveries.get(leaf.approval) ?? 0;
    assert.equal(leaf.delivery, before + 1);
    deliveries.set(leaf.approval, leaf.delivery);
  }
  assert.equal(deliveries.size, answers);
  assert.ok(
    [...deliveries.values()].some((count) => count > 1),
    "one was released and not delivered",
  );
}
