import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { current } from "../approvals/approval.ts";
import { holdsCalls, open, patient, pending, picture, vote, waiting } from "./holds.test-support.ts";
import { policies } from "./paths.test-support.ts";
import { ask } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

const cat = whole(200, completion({ role: "assistant", content: "A cat" }));
const beating = { ...patient, commitMs: 0, beatMs: 1 };
const impatient = { ...patient, waitMs: 0 };
const overloaded = { error: { message: "over\nloaded", type: "server_error" } };

describe("a call that waits for longer than its client can", () => {
  test("is found by the same request, in words and as a status alike, and made once", async () => {
    for (const headers of [{}, { prefer: "respond-async" }]) {
      await using gateway = await open({ policies: holdsCalls, waiting: impatient });
      gateway.upstream().script = () => cat;
      const told = await gateway.call(ask(picture), { headers });
      assert.equal(told.status, "prefer" in headers ? 409 : 200);
      const [approval] = await pending(gateway);
      assert.ok(approval);
      // Asked again while it waits: nobody is asked a second time.
      await gateway.call(ask(picture), { headers });
      assert.equal((await pending(gateway)).length, 1);
      await vote(gateway, approval);
      const retry = await gateway.call(ask(picture), { headers });
      assert.match(retry.text, /A cat/);
      assert.equal(gateway.upstream().sent.length, 1);
      assert.deepEqual(
        (await gateway.entries(retry)).map((leaf) => ("decision" in leaf ? leaf.decision : leaf.outcome)),
        ["hold", "permit", "ok"],
      );
    }
  });

  test("is told where it can be decided, when to come back, and that coming back is meant", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    const told = await gateway.call(ask(picture), { headers: { prefer: "respond-async" } });
    const [approval] = await pending(gateway);
    assert.equal(told.headers["location"], `http://gateway.test/approvals/${approval?.id}`);
    assert.equal(told.headers["retry-after"], "5");
    assert.equal(told.headers["x-should-retry"], "true");
  });

  test("is another call in other bytes, and what waits is left as it is", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    gateway.upstream().script = () => cat;
    const body = JSON.stringify(ask(picture));
    await gateway.call(body);
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval);
    const spaced = await gateway.call(` ${body}`);
    assert.match(spaced.text, /waits for a sign-off/);
    assert.equal(gateway.upstream().sent.length, 0);
    const hold = await gateway.desk.holdOfApproval(approval.id);
    assert.deepEqual(hold === null ? [] : current(hold).map(({ state }) => state), ["approved"]);
  });

  test("can be asked for again after policy permits it, and does not stay taken", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    gateway.upstream().script = () => cat;
    await gateway.call(ask(picture));
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await gateway.replacePolicies(policies);
    assert.match((await gateway.call(ask(picture))).text, /A cat/);
    await gateway.replacePolicies(holdsCalls);
    await vote(gateway, approval);
    assert.match((await gateway.call(ask(picture))).text, /A cat/);
    assert.equal((await pending(gateway, 0)).length, 0);
  });

  test("tells a rejection once, and then the same is refused without asking", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    await gateway.call(ask(picture));
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval, "reject", "no pictures");
    assert.match((await gateway.call(ask(picture))).text, /was rejected by ben@example.com: no pictures/);
    const again = await gateway.call(ask(picture));
    assert.equal(again.status, 403);
    assert.match(again.text, /rejected before in this conversation/);
  });

  test("is made at most once under its approval, whoever releases it again", async () => {
    await using gateway = await open({ policies: holdsCalls });
    gateway.upstream().script = () => cat;
    const call = gateway.call(ask(picture));
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval);
    await call;
    const recheck = { begin: () => {}, rule: () => assert.fail(), decided: () => assert.fail() };
    const release = await gateway.desk.release(approval.hold, {
      releasedTo: "call_x",
      choice: null,
      recheck,
    });
    assert.ok(release.kind === "settled");
    assert.deepEqual(release.released, []);
    // The same request once more is asked for anew.
    const again = gateway.call(ask(picture));
    const [next] = await pending(gateway);
    assert.ok(next);
    await vote(gateway, next);
    await again;
    assert.equal(gateway.upstream().sent.length, 2);
  });

  test("and is told nothing of its end, because that could not be put on record, finds it by a retry", async () => {
    await using gateway = await open({ policies: holdsCalls });
    const call = gateway.call(ask(picture));
    const [approval] = await pending(gateway);
    assert.ok(approval);
    gateway.control.failing = (entries) => entries.startsWith("completed");
    await vote(gateway, approval, "reject", "no pictures");
    assert.equal((await call).refusal?.reason, "trail_unavailable");
    gateway.control.failing = () => false;
    assert.match((await gateway.call(ask(picture))).text, /no pictures/);
    assert.equal((await gateway.all()).filter(({ type }) => type === "approval.requested").length, 1);
  });
});

describe("a call whose answer was opened while it waited", () => {
  /** Resolves once the client has heard something. */
  async function opened(channel: { readonly started: boolean }): Promise<void> {
    while (!channel.started) await new Promise((resolve) => setImmediate(resolve));
  }

  test("gets its model's answer behind the heartbeats", async () => {
    for (const stream of [false, true]) {
      await using gateway = await open({ policies: holdsCalls, waiting: beating });
      const events = [delta({ content: "A cat" }), delta({}, "stop"), done];
      gateway.upstream().script = stream ? streamOf(events).script : () => cat;
      const channel = gateway.channel();
      const call = gateway.call(ask({ ...picture, stream }), { channel });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await opened(channel);
      await vote(gateway, approval);
      await call;
      assert.equal(channel.status, 200);
      if (stream)
        assert.ok(channel.text.startsWith(": waiting\n\n") && channel.text.endsWith(events.join("")));
      else assert.equal(JSON.parse(channel.text).choices[0].message.content, "A cat");
    }
  });

  for (const [name, body] of [
    ["an error", overloaded],
    ["an error over several lines", JSON.stringify(overloaded, null, 2)],
    ["an error that is no JSON", "over\nloaded"],
  ] as const) {
    test(`reads ${name} of its upstream as an event of its stream`, async () => {
      await using gateway = await open({ policies: holdsCalls, waiting: beating });
      gateway.upstream().script = () => whole(503, body);
      const channel = gateway.channel();
      const call = gateway.call(ask({ ...picture, stream: true }), { channel });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await opened(channel);
      await vote(gateway, approval);
      await call;
      const last = channel.text.split("\n\n").at(-2) ?? "";
      assert.equal(JSON.parse(last.replace(/^data: /, "")).error.message, "over\nloaded");
      const completed = (await gateway.entriesOfLast()).find((leaf) => leaf.type === "call.completed");
      assert.deepEqual([completed?.outcome, completed?.status], ["upstream_error", 200]);
    });
  }

  test("reads its upstream's error as the JSON it was promised", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: beating });
    gateway.upstream().script = () => whole(429, overloaded);
    const channel = gateway.channel();
    const call = gateway.call(ask(picture), { channel });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await opened(channel);
    await vote(gateway, approval);
    await call;
    assert.deepEqual(JSON.parse(channel.text), overloaded);
    const completed = (await gateway.entriesOfLast()).find((leaf) => leaf.type === "call.completed");
    assert.equal(completed?.status, 200);
  });

  test("is told in its stream of an answer that is none", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: beating });
    gateway.upstream().script = () => cat;
    const channel = gateway.channel();
    const call = gateway.call(ask({ ...picture, stream: true }), { channel });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await opened(channel);
    await vote(gateway, approval);
    await call;
    assert.equal(channel.refusal?.reason, "upstream_invalid");
    assert.match(channel.text, /\n\ndata: \{"error".*\}\n\n$/);
  });
});

describe("an embedding that waits", () => {
  const body = { model: "up/m", input: "x" };
  const vector = whole(200, { data: [], usage: { prompt_tokens: 2 } });

  test("is never told in words, and is found by its retry", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    gateway.upstream().script = () => vector;
    const told = await gateway.call(body, { endpoint: "embeddings" });
    assert.equal(told.status, 409);
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval);
    assert.deepEqual((await gateway.call(body, { endpoint: "embeddings" })).json["data"], []);
  });

  test("is told of it as an error where its answer was opened", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: { ...beating, waitMs: 100 } });
    const channel = await gateway.call(body, { endpoint: "embeddings" });
    assert.equal(channel.status, 200);
    assert.equal(channel.refusal?.reason, "approval_pending");
    assert.ok("error" in channel.json);
  });

  test("is an error where it is rejected", async () => {
    await using gateway = await open({ policies: holdsCalls });
    const call = gateway.call(body, { endpoint: "embeddings" });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval, "reject", "no");
    const channel = await call;
    assert.deepEqual([channel.status, channel.refusal?.reason], [403, "approval_refused"]);
  });
});

test("a connection that is needed for another is given up with a way back to what waits", async () => {
  await using gateway = await open({ policies: holdsCalls });
  const call = gateway.call(ask(picture));
  await waiting(gateway, 1);
  gateway.desk.yieldOne();
  const channel = await call;
  assert.deepEqual([channel.status, channel.refusal?.reason], [409, "approval_pending"]);
  assert.equal((await pending(gateway)).length, 1);
});

describe("a drain", () => {
  test("before anything was written sends the client back to what waits", async () => {
    await using gateway = await open({ policies: holdsCalls });
    const channel = gateway.channel();
    const call = gateway.call(ask(picture), { channel });
    await waiting(gateway, 1);
    gateway.desk.drain();
    await call;
    assert.equal(channel.status, 409);
    assert.equal((await pending(gateway)).length, 1);
  });

  test("behind the first byte ends the answer in words", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: beating });
    const channel = gateway.channel();
    const call = gateway.call(ask({ ...picture, stream: true }), { channel });
    while (!channel.started) await new Promise((resolve) => setImmediate(resolve));
    gateway.desk.drain();
    await call;
    assert.match(channel.text, /This request waits for a sign-off/);
    assert.ok(channel.text.endsWith(done));
    assert.equal((await pending(gateway)).length, 1);
  });
});
