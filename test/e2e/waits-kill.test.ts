// kill -9 at every write that is made durable between a proposal and its release. Whatever had happened by then, the retry of
// the request ends with the very bytes that were approved, and nothing was released without its vote on record.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { asOperator } from "./admin-bench.ts";
import { injectFault, withoutStrace } from "./injected-fault.ts";
import {
  askMail,
  decide,
  invite,
  mail,
  mailBody,
  mailConfig,
  mailFolder,
  mailId,
  mailModel,
  proposal,
  written,
} from "./mail-gate.ts";
import type { ScriptedUpstream } from "./scripted-upstream.ts";
import { startGateway, type TestGateway } from "./test-gateway.ts";
import { readTrail } from "./trail.ts";

/** More than there are. */
const most = 30;

const skip = withoutStrace;
const picture = { type: "image_url", image_url: { url: "https://example.com/a.png" } };

test("killed at any sync from a proposal to its release, nothing is lost, changed or released by itself", {
  skip,
}, async (t) => {
  const { upstream, gateway, tries } = await sweep(t, (point) => {
    const mode = point % 2 === 0 ? "stream" : "whole";
    return { body: mailBody(`Write it, try ${point}`, mode), answer: proposal[mode] };
  });
  const deliveries = await deliveriesOf(gateway);
  assert.equal(deliveries.size, tries);
  assert.ok(
    [...deliveries.values()].some((count) => count > 1),
    "one was released and not delivered",
  );
  assert.ok(
    upstream.bodies.length < tries + 3,
    "the model is asked again where nothing was put down yet, and no more",
  );
  await gateway.stop();
});

test("killed at any sync from a request that waits to its answer, no model sees it more often than people have agreed to", {
  skip,
}, async (t) => {
  const { upstream, gateway } = await sweep(t, (point) => {
    const request = JSON.parse(mailBody(""));
    const call = { id: mailId, type: "function", function: { name: "send_email", arguments: mail } };
    request.messages = [
      { role: "user", content: [{ type: "text", text: `Write it, try ${point}` }, picture] },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: mailId, content: "done" },
    ];
    return { body: JSON.stringify(request), answer: written.whole };
  });
  const deliveries = await deliveriesOf(gateway);
  for (const count of deliveries.values()) assert.equal(count, 1, "a sign-off is used once");
  assert.ok(upstream.bodies.length <= deliveries.size);
  await gateway.stop();
});

test("killed at any sync while a request and then the tool call of its answer wait, each is used once, and its retry gets both", {
  skip,
}, async (t) => {
  const { upstream, gateway } = await sweep(t, (point) => {
    const request = JSON.parse(mailBody(""));
    request.messages = [
      { role: "user", content: [{ type: "text", text: `Write it, try ${point}` }, picture] },
    ];
    return { body: JSON.stringify(request), answer: proposal.whole };
  });
  const deliveries = await deliveriesOf(gateway);
  const calls = (await readTrail(gateway)).flatMap((leaf) =>
    leaf.type === "approval.requested" && leaf.kind === "call" ? [leaf.approval] : [],
  );
  const used = calls.filter((id) => deliveries.has(id));
  for (const id of used) assert.equal(deliveries.get(id), 1, "a request that was signed off is sent once");
  assert.ok(upstream.bodies.length <= used.length);
  await gateway.stop();
});

interface Swept {
  readonly upstream: ScriptedUpstream;
  readonly gateway: TestGateway;
  /** The last of them was not killed. */
  readonly tries: number;
}

/** Asks again and again, and kills at the first sync of the first try, the second of the second, and so on. */
async function sweep(
  t: TestContext,
  asking: (point: number) => { readonly body: string; readonly answer: string },
): Promise<Swept> {
  const upstream = await mailModel(t);
  const folder = mailFolder(t, mailConfig(upstream));
  mkdirSync(join(folder, "policies"));
  writeFileSync(join(folder, "policies", "test.cedar"), policies);
  let gateway = await startGateway(folder);
  t.after(() => gateway.kill());
  const key = gateway.key ?? "";
  const token = await invite(gateway, "ben");
  for (let point = 1; point < most; point += 1) {
    const { body, answer } = asking(point);
    const fault = await injectFault(gateway.pid, "fsync,fdatasync", `signal=KILL:when=${point}`);
    const first = await unlessKilled(gateway, signedOff(gateway, key, token, body));
    if (first !== null) {
      assert.equal(first, answer);
      await fault.end();
      if (await answers(gateway)) {
        assert.ok(point > 4, `it was killed ${point - 1} times on the way`);
        return { upstream, gateway, tries: point };
      }
      // A sync behind the answer: its client has it, and asks for nothing again.
      await gateway.ended;
      gateway = await startGateway(folder);
      continue;
    }
    gateway = await startGateway(folder);
    assert.equal(await signedOff(gateway, key, token, body), answer, `killed at sync ${point}`);
  }
  assert.fail("it comes to no end");
}

const policies = `
@id("tools") permit (principal, action in Portcullis::Action::"call_tool", resource);
@id("votes") permit (principal, action == Portcullis::Action::"approve", resource);
@id("calls") permit (principal, action == Portcullis::Action::"chat", resource);
@id("pictures") @reason("pictures are looked at first") @approval("default")
forbid (principal, action == Portcullis::Action::"chat", resource)
when { context.has_images } unless { context.approvals.contains("default") };
`;

/** Ben approves what waits, whatever comes to wait before the answer. */
async function signedOff(gateway: TestGateway, key: string, token: string, body: string): Promise<string> {
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
      if (approval === undefined) await delay(10);
      else await decide(gateway, token, approval);
    }
  };
  // Whoever has the answer has it, though the gateway is killed before the voter has looked again.
  const [given] = await Promise.allSettled([answer, vote()]);
  if (given.status === "rejected") throw given.reason;
  return given.value;
}

async function answers({ url }: TestGateway): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
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

/** How often each approval was given out. Every release has its vote before it, and every delivery its entry. */
async function deliveriesOf(gateway: TestGateway): Promise<ReadonlyMap<string, number>> {
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
  return deliveries;
}
