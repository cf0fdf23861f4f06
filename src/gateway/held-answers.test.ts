import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  holdsCalls,
  mail,
  mailAnswer,
  open,
  patient,
  pending,
  picture,
  vote,
  waiting,
} from "./holds.test-support.ts";
import { ask, askStream, toolCall } from "./requests.test-support.ts";
import { whole } from "./upstream.test-support.ts";

describe("an answer whose choices are not shaped like OpenAI's", () => {
  const choice = (index: number, of: object): object => ({ index, ...of, finish_reason: "tool_calls" });
  const answer = (choices: readonly object[]): object => ({ ...mailAnswer, choices });
  const proposal = { role: "assistant", content: "I will.", tool_calls: [toolCall("send_email", mail)] };

  test("gives nothing of what was rejected, or waits, away where it stands in a `delta`, or its tokens do", async () => {
    const spelled = { content: [{ token: "ana@example.com", logprob: 0 }] };
    const odd = choice(0, { delta: { ...proposal, token_ids: [17] }, logprobs: spelled, token_ids: [17] });
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, answer([odd]));
    const call = gateway.call(ask());
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval, "reject");
    const { text } = await call;
    assert.match(text, /I will\..*was rejected/);
    assert.doesNotMatch(text, /send_email"|ana@example|token_ids|"delta"/);

    await using impatient = await open({ waiting: { ...patient, waitMs: 1 } });
    impatient.upstream().script = () => whole(200, answer([odd]));
    const told = (await impatient.call(ask())).text;
    assert.match(told, /waits for a sign-off/);
    assert.doesNotMatch(told, /send_email"|ana@example|token_ids|"delta"/);
  });

  test("is not passed on when two of them cannot be told apart, so that a vote on one is none on the other", async () => {
    const other = { ...proposal, tool_calls: [toolCall("send_email", '{"to":"eve@example.com"}')] };
    for (const choices of [
      [choice(0, { message: proposal }), choice(0, { message: other })],
      [choice(1, { message: proposal }), { message: other, finish_reason: "tool_calls" }],
    ]) {
      await using gateway = await open({ waiting: { ...patient, waitMs: 1 } });
      gateway.upstream().script = () => whole(200, answer(choices));
      const channel = await gateway.call(ask());
      assert.equal(channel.refusal?.reason, "upstream_invalid");
      assert.doesNotMatch(channel.text, /send_email"/);
      assert.deepEqual(await gateway.desk.list({ limit: 10 }), []);
    }
  });
});

test("an answer in one piece stays one for the retry of a stream that got it", async () => {
  await using gateway = await open({ waiting: { ...patient, commitMs: 0, beatMs: 1 } });
  gateway.upstream().script = () => whole(200, mailAnswer);
  const first = gateway.channel();
  const call = gateway.call(askStream(), { channel: first });
  const [approval] = await pending(gateway);
  assert.ok(approval);
  first.leave();
  await call;
  const again = gateway.channel();
  const retry = gateway.call(askStream(), { channel: again });
  await waiting(gateway, 1);
  while (!again.started) await new Promise((resolve) => setImmediate(resolve));
  await vote(gateway, approval);
  assert.deepEqual(JSON.parse((await retry).text), mailAnswer);
  assert.equal(gateway.upstream().sent.length, 1);
});

test("nothing is released while it is not known whose key or vote others have ended, and a retry gets it then", async () => {
  let known = true;
  for (const policy of [{}, { policies: holdsCalls }]) {
    known = true;
    await using gateway = await open({ ...policy, current: () => known });
    gateway.upstream().script = () => whole(200, mailAnswer);
    const body = "policies" in policy ? ask(picture) : ask();
    const call = gateway.call(body);
    const [approval] = await pending(gateway);
    assert.ok(approval);
    known = false;
    await vote(gateway, approval);
    const channel = await call;
    assert.ok((channel.status ?? 0) >= 500, channel.text);
    assert.doesNotMatch(channel.text, /ana@example/);
    assert.ok((await gateway.all()).every(({ type }) => type !== "approval.released"));
    known = true;
    const retry = gateway.call(body);
    if ("policies" in policy) {
      const [action] = await pending(gateway);
      assert.ok(action);
      await vote(gateway, action);
    }
    assert.equal((await retry).text, JSON.stringify(mailAnswer));
  }
});
