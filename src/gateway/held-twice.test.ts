import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ListedApproval } from "../approvals/approval.ts";
import type { RecordingChannel } from "./client.test-support.ts";
import type { TestGateway } from "./gateway.test-support.ts";
import {
  holdsCalls,
  mailAnswer,
  mailStream,
  open,
  patient,
  pending,
  picture,
  vote,
} from "./holds.test-support.ts";
import { ask } from "./requests.test-support.ts";
import { completion, streamOf, whole } from "./upstream.test-support.ts";

const impatient = { ...patient, waitMs: 0 };
const hi = whole(200, completion({ role: "assistant", content: "Hi" }));

/** A request that was signed off and sent on, of whose answer a tool call waits; its client is gone. */
async function leftTwice(gateway: TestGateway, body: object | string): Promise<ListedApproval> {
  const first = gateway.channel();
  const call = gateway.call(body, { channel: first });
  const [request] = await pending(gateway);
  assert.ok(request?.kind === "call");
  await vote(gateway, request);
  const [action] = await pending(gateway);
  assert.ok(action?.kind === "action");
  first.leave();
  await call;
  return action;
}

async function asked(gateway: TestGateway): Promise<number> {
  return (await gateway.all()).filter(({ type }) => type === "approval.requested").length;
}

const messageOf = (channel: RecordingChannel): string => JSON.parse(channel.text).choices[0].message.content;

describe("a request and the tool call of its answer that both wait", () => {
  test("are each signed off once, and the retry gets the very bytes under both, whole and streamed", async () => {
    for (const stream of [false, true]) {
      await using gateway = await open({ policies: holdsCalls });
      gateway.upstream().script = stream ? streamOf(mailStream).script : () => whole(200, mailAnswer);
      const body = ask({ ...picture, stream });
      const action = await leftTwice(gateway, body);
      const retry = gateway.call(body);
      await vote(gateway, action);
      const got = await retry;
      assert.equal(got.text, stream ? mailStream.join("") : JSON.stringify(mailAnswer));
      assert.equal(gateway.upstream().sent.length, 1);
      assert.equal(await asked(gateway), 2);
      const [decided, released, completed] = await gateway.entries(got);
      assert.ok(decided?.type === "call.decided" && completed?.type === "call.completed");
      const hold = await gateway.desk.hold(action.hold);
      assert.deepEqual(
        [decided.decision, decided.approval, decided.hold, decided.choice],
        ["permit", hold?.under, action.hold, undefined],
      );
      assert.equal(released?.type, "action.decided");
      assert.deepEqual(
        [completed.outcome, completed.hold, completed.dispatches, completed.target],
        ["ok", action.hold, 0, null],
      );
    }
  });

  test("wait for as many retries as come, one after the other, and for nobody twice", async () => {
    await using gateway = await open({ policies: holdsCalls });
    gateway.upstream().script = () => whole(200, mailAnswer);
    const body = ask(picture);
    const action = await leftTwice(gateway, body);
    for (let time = 0; time < 3; time += 1) {
      const channel = gateway.channel();
      const retry = gateway.call(body, { channel });
      while (gateway.desk.waiting !== 1) await new Promise((resolve) => setImmediate(resolve));
      channel.leave();
      await retry;
    }
    await vote(gateway, action);
    assert.equal((await gateway.call(body)).text, JSON.stringify(mailAnswer));
    assert.equal(await asked(gateway), 2);
    assert.equal(gateway.upstream().sent.length, 1);
  });

  test("are asked for anew once the client has all of it", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    gateway.upstream().script = () => whole(200, mailAnswer);
    const body = ask(picture);
    await gateway.call(body);
    const [request] = await pending(gateway);
    assert.ok(request);
    await vote(gateway, request);
    await gateway.call(body);
    const [action] = await pending(gateway);
    assert.ok(action);
    await vote(gateway, action);
    assert.equal((await gateway.call(body)).text, JSON.stringify(mailAnswer));
    assert.match((await gateway.call(body)).text, /This request waits for a sign-off/);
    assert.equal(gateway.upstream().sent.length, 1);
    assert.equal(await asked(gateway), 3);
  });

  test("where the tool call is rejected, tell the retry who did, and ask nobody again", async () => {
    await using gateway = await open({ policies: holdsCalls });
    gateway.upstream().script = () => whole(200, mailAnswer);
    const action = await leftTwice(gateway, ask(picture));
    await vote(gateway, action, "reject", "not to her");
    const told = await gateway.call(ask(picture));
    assert.match(messageOf(told), /was rejected by ben@example\.com: not to her/);
    assert.equal(gateway.upstream().sent.length, 1);
  });

  test("give a retry in other bytes nothing, which nobody has signed off", async () => {
    await using gateway = await open({ policies: holdsCalls });
    gateway.upstream().script = () => whole(200, mailAnswer);
    const body = JSON.stringify(ask(picture));
    const action = await leftTwice(gateway, body);
    await vote(gateway, action);
    const spaced = await gateway.call(` ${body}`);
    assert.deepEqual([spaced.status, spaced.refusal?.reason], [403, "approval_required"]);
    assert.equal((await gateway.call(body)).text, JSON.stringify(mailAnswer));
  });

  test("give nothing more once who signed off the request may not any more, or policy asks for more, and say so", async () => {
    const more = `@id("money") @reason("money is theirs") @approval("finance")
      forbid (principal, action == Portcullis::Action::"chat", resource)
      unless { context.approvals.contains("finance") };`;
    const changes = [
      [
        ({ control }: TestGateway) => void Object.assign(control, { stands: () => false }),
        /sign-off by default itself \(ask/,
      ],
      [
        (gateway: TestGateway) => gateway.replacePolicies(`${holdsCalls}${more}`),
        /sign-off by .*money is theirs/,
      ],
    ] as const;
    for (const [change, words] of changes) {
      await using gateway = await open({ policies: holdsCalls });
      gateway.upstream().script = () => whole(200, mailAnswer);
      const action = await leftTwice(gateway, ask(picture));
      await change(gateway);
      const refused = await gateway.call(ask(picture));
      assert.equal(refused.status, 403);
      assert.match(gateway.parts.messageOf(refused.refusal ?? assert.fail()), words);
      assert.match(
        gateway.parts.messageOf(refused.refusal ?? assert.fail()),
        /change the request to have it asked/,
      );
      const hold = await gateway.desk.hold(action.hold);
      assert.deepEqual([hold?.attended, hold?.delivered], [null, false]);
      assert.equal(gateway.upstream().sent.length, 1);
    }
  });

  test("let a later message have nothing that is held itself, and tell it how to come by it", async () => {
    await using gateway = await open({ policies: holdsCalls, waiting: impatient });
    gateway.upstream().script = () => whole(200, mailAnswer);
    await gateway.call(ask(picture));
    const [request] = await pending(gateway);
    assert.ok(request);
    await vote(gateway, request);
    const said = messageOf(await gateway.call(ask(picture)));
    const [action] = await pending(gateway);
    assert.ok(action);
    await vote(gateway, action);
    const messages = [
      ...picture.messages,
      { role: "assistant", content: said },
      { role: "user", content: "go on" },
    ];
    const later = await gateway.call(ask({ messages }));
    assert.equal(later.status, 403);
    assert.match(
      gateway.parts.messageOf(later.refusal ?? assert.fail()),
      /^this message needs a sign-off by default itself .*send the request before it again, unchanged, to get that$/,
    );
    assert.equal((await gateway.call(ask(picture))).text, JSON.stringify(mailAnswer));
    assert.equal(gateway.upstream().sent.length, 1);
  });

  test("say to a retry that policy denies by now that it had something to get", async () => {
    await using gateway = await open({ policies: holdsCalls });
    gateway.upstream().script = () => whole(200, mailAnswer);
    await leftTwice(gateway, ask(picture));
    await gateway.replacePolicies(
      `${holdsCalls}@id("shut") @reason("shut") forbid (principal, action == Portcullis::Action::"chat", resource);`,
    );
    const denied = await gateway.call(ask(picture));
    assert.equal(
      gateway.parts.messageOf(denied.refusal ?? assert.fail()),
      "policy denies this call: shut (shut); so it does not get what was left waiting before it",
    );
  });
});

test("a request whose client goes before the model has answered is signed off anew, and sent twice on record", async () => {
  await using gateway = await open({ policies: holdsCalls });
  const first = gateway.channel();
  gateway.upstream().script = () => {
    first.leave();
    return hi;
  };
  const call = gateway.call(ask(picture), { channel: first });
  const [request] = await pending(gateway);
  assert.ok(request);
  await vote(gateway, request);
  await call;
  gateway.upstream().script = () => hi;
  const retry = gateway.call(ask(picture));
  const [again] = await pending(gateway);
  assert.ok(again !== undefined && again.id !== request.id);
  await vote(gateway, again);
  assert.equal(messageOf(await retry), "Hi");
  const dispatched = (await gateway.all()).filter(
    (leaf) => leaf.type === "call.completed" && leaf.dispatches === 1,
  );
  assert.deepEqual([dispatched.length, gateway.upstream().sent.length], [2, 2]);
});
