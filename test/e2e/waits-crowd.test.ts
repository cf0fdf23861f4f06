// Many clients that wait at once, people who decide in no order, and a clock that does not stand still.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
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
import { startGateway } from "./test-gateway.ts";
import { completionOf, leavesOf, readTrail } from "./trail.ts";

const crowd = 20;

test("twenty clients at once each get what two people have decided about their own", async (t) => {
  const upstream = await mailModel(t);
  const gateway = await startGateway(mailFolder(t, mailConfig(upstream, { quorum: 2 })));
  t.after(() => gateway.kill());
  const people = [await invite(gateway, "ana"), await invite(gateway, "ben")] as const;
  const answers = Array.from({ length: crowd }, async (_, at) => {
    const mode = at % 2 === 0 ? "whole" : "stream";
    const answer = await askMail(gateway, gateway.key ?? "", mailBody(`Write number ${at}`, mode));
    return { mode, call: answer.headers.get("x-portcullis-call"), text: await answer.text() } as const;
  });
  const waiting = await pending(gateway, people[0], crowd);
  // Of each: approved by both, or by Ana and rejected by Ben, who may come first. A rejection alone ends it.
  const rejected = new Set(waiting.filter((_, at) => at % 3 === 0).map(({ call }) => call));
  const votes = waiting.flatMap((approval) =>
    rejected.has(approval.call)
      ? [() => decide(gateway, people[1], approval, "reject", `not ${approval.call}`)]
      : people.map((token) => () => decide(gateway, token, approval)),
  );
  await Promise.all(shuffled(votes).map((vote) => vote()));
  for (const { mode, call, text } of await Promise.all(answers)) {
    const isRejected = rejected.has(call ?? "");
    if (isRejected) assert.match(text, new RegExp(`rejected by ben@example\\.com: not ${call}\\.`));
    else assert.equal(text, proposal[mode]);
    assert.equal((await completionOf(gateway, call))?.outcome, isRejected ? "withheld" : "ok");
  }
  const trail = await readTrail(gateway);
  const released = leavesOf(trail, "approval.released");
  assert.equal(released.length, crowd - rejected.size);
  for (const { given } of released) assert.deepEqual(given, [{ name: "default", quorum: 2, votes: 2 }]);
  assert.equal(upstream.bodies.length, crowd);
  await gateway.stop();
});

test("a clock that jumps while something waits expires it or holds it up, and releases nothing", {
  skip: withoutFaketime,
}, async (t) => {
  const upstream = await mailModel(t);
  const folder = mailFolder(t, mailConfig(upstream));
  const { environment, jump } = fakedClock(join(folder, "time"));
  const gateway = await startGateway(folder, environment);
  t.after(() => gateway.kill());
  const token = await invite(gateway, "ben");
  const key = gateway.key ?? "";

  const asked = askMail(gateway, key, mailBody("Write it"));
  const [approval] = await pending(gateway, token);
  assert.ok(approval);
  jump("-2h");
  const ballot = { decision: "approve", digest: approval.digest };
  const vote = () => asOperator(gateway.url, token)("POST", `/approvals/${approval.id}/votes`, ballot);
  const early = await vote();
  assert.equal(early.status, 503, `earlier than what is on record: ${early.text}`);
  jump("+0");
  assert.equal((await vote()).status, 200);
  assert.equal(await (await asked).text(), proposal.whole);

  const second = askMail(gateway, key, mailBody("Write it once more"));
  await pending(gateway, token);
  jump("+1d");
  assert.match(await (await second).text(), /was not decided in time, so its approval has expired\./);
  await gateway.stop();
  const closed = leavesOf(await readTrail(gateway), "approval.closed");
  assert.deepEqual(
    closed.map(({ state, actor }) => [state, actor.kind]),
    [["expired", "gateway"]],
  );
});

/** In an order of its own at each run. */
function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .toSorted((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}
