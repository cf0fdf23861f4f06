import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mail, mailAnswer, mailStream, open, patient, pending, vote, waiting } from "./holds.test-support.ts";
import { ask, askStream, toolCall } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

const deliveries = async (gateway: Awaited<ReturnType<typeof open>>): Promise<readonly number[]> =>
  (await gateway.all()).flatMap((leaf) => (leaf.type === "approval.released" ? [leaf.delivery] : []));

describe("clients that come back", () => {
  test("together get what waits once: the other is a call of its own", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const first = gateway.channel();
    const gone = gateway.call(ask(), { channel: first });
    await waiting(gateway, 1);
    first.leave();
    await gone;
    const both = [gateway.call(ask()), gateway.call(ask())];
    await waiting(gateway, 2);
    const approvals = await pending(gateway, 2);
    assert.equal(approvals.length, 2);
    assert.equal(gateway.upstream().sent.length, 2);
    for (const approval of approvals) await vote(gateway, approval);
    for (const channel of await Promise.all(both)) assert.equal(channel.text, JSON.stringify(mailAnswer));
  });

  test("after a part of the answer get all of it, the same bytes, until they have it", async () => {
    await using gateway = await open();
    gateway.upstream().script = streamOf(mailStream).script;
    const first = gateway.channel();
    const call = gateway.call(askStream(), { channel: first });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    first.onWrite = (text) => {
      if (text.includes("tool_calls")) first.leave();
      return undefined;
    };
    await vote(gateway, approval);
    await call;
    const second = gateway.channel();
    second.onWrite = first.onWrite = () => {
      second.leave();
      return undefined;
    };
    await gateway.call(askStream(), { channel: second });
    const third = await gateway.call(askStream());
    assert.equal(third.text, mailStream.join(""));
    assert.equal(gateway.upstream().sent.length, 1);
    assert.equal((await gateway.all()).filter(({ type }) => type === "approval.requested").length, 1);
    const counted = await deliveries(gateway);
    assert.deepEqual(
      counted,
      counted.map((_, at) => at + 1),
    );
    assert.ok(counted.length >= 2);
    // It has all of it: now it is a call of its own.
    gateway.upstream().script = streamOf([delta({ content: "Hi" }), delta({}, "stop"), done]).script;
    assert.match((await gateway.call(askStream())).text, /Hi/);
    assert.equal(gateway.upstream().sent.length, 2);
  });

  test("find what could not be handed on because the trail took no end of it", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const call = gateway.call(ask());
    const [approval] = await pending(gateway);
    assert.ok(approval);
    gateway.control.failing = (entries) => entries.startsWith("completed");
    await vote(gateway, approval);
    const channel = await call;
    assert.equal(channel.refusal?.reason, "answer_unrecorded");
    assert.doesNotMatch(channel.text, /tool_calls/);
    gateway.control.failing = () => false;
    const retry = await gateway.call(ask());
    assert.equal(retry.text, JSON.stringify(mailAnswer));
    assert.equal(gateway.upstream().sent.length, 1);
    assert.deepEqual(await deliveries(gateway), [1, 2]);
  });
});

describe("while the trail takes nothing", () => {
  for (const [name, failing] of [
    ["filed", "approval.requested"],
    ["released", "approval.released"],
  ] as const) {
    test(`nothing is ${name}, nothing of it goes out, and it works again afterwards`, async () => {
      await using gateway = await open();
      gateway.upstream().script = () => whole(200, mailAnswer);
      gateway.control.failing = (entries) => entries.includes(failing);
      const call = gateway.call(ask());
      if (name === "released") {
        const [approval] = await pending(gateway);
        assert.ok(approval);
        await vote(gateway, approval);
      }
      const channel = await call;
      assert.ok((channel.status ?? 0) >= 500, channel.text);
      assert.doesNotMatch(channel.text, /ana@example/);
      gateway.control.failing = () => false;
      const retry = gateway.call(ask());
      if (name === "filed") {
        const [approval] = await pending(gateway);
        assert.ok(approval);
        await vote(gateway, approval);
      }
      assert.equal((await retry).text, JSON.stringify(mailAnswer));
    });
  }

  test("no vote counts, and it waits on", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const call = gateway.call(ask());
    const [approval] = await pending(gateway);
    assert.ok(approval);
    gateway.control.failing = (entries) => entries.includes("approval.voted");
    await assert.rejects(vote(gateway, approval));
    gateway.control.failing = () => false;
    assert.equal((await pending(gateway)).length, 1);
    await vote(gateway, approval);
    assert.equal((await call).text, JSON.stringify(mailAnswer));
  });
});

describe("what a model proposes", () => {
  const several = (calls: readonly object[], more: object = {}): object => ({
    ...completion({ content: null, tool_calls: calls }, "tool_calls"),
    ...more,
  });

  test("in two choices is approved in one and refused in the other", async () => {
    await using gateway = await open();
    const choices = [0, 1].map((index) => ({
      index,
      message: { content: `choice ${index}`, tool_calls: [toolCall("send_email", `{"n":${index}}`)] },
      finish_reason: "tool_calls",
    }));
    gateway.upstream().script = () => whole(200, several([], { choices }));
    const call = gateway.call(ask({ n: 2 }));
    const [one, other] = await pending(gateway, 2);
    assert.ok(one && other);
    await vote(gateway, one);
    await vote(gateway, other, "reject", "no");
    const { choices: got } = JSON.parse((await call).text);
    assert.deepEqual(got[0], choices[0]);
    assert.equal(got[1].finish_reason, "stop");
    assert.match(got[1].message.content, /^choice 1\n\n\[Portcullis\].*was rejected/);
    assert.equal(got[1].message.tool_calls, undefined);
  });

  test("256 times in one answer waits in one hold, and goes out at once", async () => {
    await using gateway = await open({ limits: { response: 1_000_000 } });
    const calls = Array.from({ length: 256 }, (_, at) => toolCall("send_email", `{"n":${at}}`, `c${at}`));
    gateway.upstream().script = () => whole(200, several(calls));
    const call = gateway.call(ask());
    const approvals = await pending(gateway, 256);
    assert.equal(new Set(approvals.map(({ hold }) => hold)).size, 1);
    for (const approval of approvals) await vote(gateway, approval);
    assert.equal((await call).text, JSON.stringify(several(calls)));
  });

  test("with a megabyte of arguments goes out in its very bytes", async () => {
    await using gateway = await open({ limits: { response: 4_000_000 } });
    const large = several([toolCall("send_email", JSON.stringify({ text: "ä\u{1f6c2}".repeat(170_000) }))]);
    gateway.upstream().script = () => whole(200, large);
    const call = gateway.call(ask());
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval);
    assert.equal((await call).text, JSON.stringify(large));
  });

  test("twice under one id is two approvals, and one of them can be refused", async () => {
    await using gateway = await open();
    const calls = [toolCall("send_email", '{"n":1}', "same"), toolCall("send_email", '{"n":2}', "same")];
    gateway.upstream().script = () => whole(200, several(calls));
    const call = gateway.call(ask());
    const [one, other] = await pending(gateway, 2);
    assert.ok(one && other);
    await vote(gateway, one, "reject");
    await vote(gateway, other);
    assert.deepEqual(JSON.parse((await call).text).choices[0].message.tool_calls, [calls[1]]);
  });

  test("beside arguments that cannot be read is withheld, and nobody is asked", async () => {
    await using gateway = await open();
    const calls = [toolCall("send_email", mail, "c1"), toolCall("send_email", '{"to":', "c2")];
    gateway.upstream().script = () => whole(200, several(calls));
    const channel = await gateway.call(ask());
    assert.equal(channel.refusal?.reason, "tool_call_denied");
    assert.deepEqual(await gateway.desk.list({ limit: 10 }), []);
  });

  test("behind more text than is kept is withheld, for its retry could not be given it whole", async () => {
    await using gateway = await open({ limits: { response: 4_096 } });
    const text = Array.from({ length: 40 }, () => delta({ content: "x".repeat(100) }));
    gateway.upstream().script = streamOf([...text, ...mailStream]).script;
    const channel = await gateway.call(askStream());
    assert.match(channel.text, /text before it is larger than `limits.response`/);
    assert.doesNotMatch(channel.text, /ana@example/);
    assert.deepEqual(await gateway.desk.list({ limit: 10 }), []);
  });

  test("that is refused is an error where that is wished for, in a stream too", async () => {
    await using gateway = await open({ waiting: { ...patient, onReject: "error" } });
    for (const stream of [false, true]) {
      gateway.upstream().script = stream ? streamOf(mailStream).script : () => whole(200, mailAnswer);
      const call = gateway.call(ask({ stream, user: String(stream) }));
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await vote(gateway, approval, "reject", "no");
      const channel = await call;
      assert.equal(channel.status, stream ? 200 : 403);
      assert.equal(channel.refusal?.reason, "approval_refused");
      assert.doesNotMatch(channel.text, /ana@example/);
    }
  });

  test("and was approved is stale once other policies ask for more", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const channel = gateway.channel();
    const gone = gateway.call(ask(), { channel });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    channel.leave();
    await gone;
    await vote(gateway, approval);
    await gateway.replacePolicies(
      `@id("calls") permit (principal, action in Portcullis::Action::"chat", resource);`,
    );
    const retry = await gateway.call(ask());
    assert.match(retry.text, /policy asks for more today/);
    assert.doesNotMatch(retry.text, /ana@example/);
  });
});

describe("a request that carries a marker", () => {
  test("in bytes that are no JSON with it, and are without it, is read as what is left of it", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, completion({ content: "Hi" }));
    const body = JSON.stringify(ask({ messages: [{ role: "user", content: "A" }] }));
    for (const hostile of [
      body.replace('"A"', '"\\u00[portcullis-resume:v1.a]41"'),
      body.replace('"A"', '"[portcullis-resume:v1.a]A"').replace("{", "{[portcullis-resume:v1.b]"),
    ]) {
      assert.match((await gateway.call(hostile)).text, /Hi/);
    }
    assert.ok(!gateway.faults.some((line) => line.includes("fault")));
  });
});

describe("a connection that is needed for another", () => {
  test("is given up with a way back, and the retry gets what was signed off meanwhile", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const first = gateway.call(ask());
    await waiting(gateway, 1);
    gateway.upstream().script = streamOf(mailStream).script;
    const begun = gateway.channel();
    const stream = gateway.call(askStream({ user: "s" }), { channel: begun });
    await waiting(gateway, 2);
    gateway.desk.yieldOne();
    const gone = await first;
    assert.deepEqual([gone.status, gone.refusal?.reason], [409, "approval_pending"]);
    assert.match(gone.headers["location"] ?? "", /^http:\/\/gateway\.test\/approvals\/apr_/);
    assert.deepEqual([gone.headers["retry-after"], gone.headers["x-should-retry"]], ["5", "true"]);
    const completed = (await gateway.entries(gone)).findLast(({ type }) => type === "call.completed");
    assert.ok(completed?.type === "call.completed");
    assert.equal(completed.outcome, "held");
    // Of the other something is out already: it stays, whoever needs its connection.
    gateway.desk.yieldOne();
    const approvals = await pending(gateway, 2);
    assert.equal(approvals.length, 2);
    for (const approval of approvals) await vote(gateway, approval);
    assert.match((await stream).text, /tool_calls/);
    const sends = gateway.journal.filter((line) => line.startsWith("send")).length;
    assert.match((await gateway.call(ask())).text, /"tool_calls"/);
    assert.equal(gateway.journal.filter((line) => line.startsWith("send")).length, sends);
  });
});

describe("a drain", () => {
  test("before the first byte sends the client back, and behind it tells what waits in words", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const pieces = gateway.call(ask());
    await waiting(gateway, 1);
    gateway.upstream().script = streamOf(mailStream).script;
    const stream = gateway.call(askStream({ user: "s" }));
    await waiting(gateway, 2);
    gateway.desk.drain();
    assert.equal((await pieces).status, 409);
    const { text } = await stream;
    assert.match(text, /waits for a sign-off.*portcullis-resume/);
    assert.ok(text.endsWith(done));
    assert.equal((await pending(gateway, 2)).length, 2);
  });
});
