import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cancelApproval } from "./cancel-approval.ts";
import type { RecordingChannel } from "./client.test-support.ts";
import type { TestGateway } from "./gateway.test-support.ts";
import {
  ben,
  holdsCalls,
  mail,
  mailAnswer,
  mailStream,
  open,
  patient,
  pending,
  picture,
  vote,
} from "./holds.test-support.ts";
import { policies } from "./paths.test-support.ts";
import { ask, askStream, toolCall } from "./requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "./upstream.test-support.ts";

/** Types of the entries, with what matters of them. */
async function story(gateway: TestGateway, from: number): Promise<readonly string[]> {
  const leaves = await gateway.all(from);
  return leaves.map((leaf) => {
    switch (leaf.type) {
      case "call.decided":
      case "action.decided":
        return `${leaf.type} ${leaf.decision}`;
      case "call.completed":
        return `${leaf.type} ${leaf.outcome}`;
      case "approval.voted":
      case "approval.closed":
        return `${leaf.type} ${leaf.state}`;
      case "approval.released":
        return `${leaf.type} ${leaf.delivery}`;
      default:
        return leaf.type;
    }
  });
}

async function size(gateway: TestGateway): Promise<number> {
  return (await gateway.all()).length;
}

describe("a tool call that waits", () => {
  test("goes out in its very bytes once it is signed off, and every step is on record in its order", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const from = await size(gateway);
    const channel = gateway.channel();
    const call = gateway.call(ask(), { channel });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    assert.equal(channel.started, false);
    await vote(gateway, approval);
    await call;
    assert.equal(channel.status, 200);
    assert.equal(channel.text, JSON.stringify(mailAnswer));
    assert.deepEqual(await story(gateway, from), [
      "call.decided permit",
      "action.decided hold",
      "approval.requested",
      "approval.voted approved",
      "action.decided permit",
      "approval.released 1",
      "call.completed ok",
    ]);
  });

  test("on a stream its text flows, and the rest comes in one burst with its original ids and bytes", async () => {
    await using gateway = await open();
    gateway.upstream().script = streamOf(mailStream).script;
    const channel = gateway.channel();
    const call = gateway.call(askStream({ stream_options: { include_usage: true } }), { channel });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    assert.equal(channel.text, mailStream[0]);
    await vote(gateway, approval);
    await call;
    assert.equal(channel.text, mailStream.join(""));
  });

  test("that is rejected is replaced by words that say who and why, whole and streamed", async () => {
    await using gateway = await open();
    for (const stream of [false, true]) {
      gateway.upstream().script = stream ? streamOf(mailStream).script : () => whole(200, mailAnswer);
      const channel = gateway.channel();
      const call = gateway.call(stream ? askStream({ user: "u" }) : ask(), { channel });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await vote(gateway, approval, "reject", "not to her");
      await call;
      assert.equal(channel.status, 200);
      assert.match(channel.text, /`send_email` was rejected by ben@example\.com: not to her/);
      assert.doesNotMatch(channel.text, /tool_calls|ana@example/);
      assert.match(channel.text, /"finish_reason":"stop"/);
    }
  });

  test("that is taken back is told as that, by whom and why, whether or not it was approved before", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    for (const approved of [false, true]) {
      const first = gateway.channel();
      const gone = gateway.call(ask({ user: String(approved) }), { channel: first });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      first.leave();
      await gone;
      if (approved) await vote(gateway, approval);
      const revoked = await gateway.desk.revoke(approval.id, ben, "too late");
      assert.ok(revoked.ok);
      const retry = await gateway.call(ask({ user: String(approved) }));
      assert.match(retry.text, /`send_email` was revoked by ben@example\.com: too late\./);
      assert.doesNotMatch(retry.text, /tool_calls|ana@example/);
    }
  });

  test("and was rejected is refused in the same conversation without asking anybody again", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const first = gateway.call(ask());
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval, "reject");
    await first;
    const again = completion(
      { tool_calls: [toolCall("send_email", '{ "n":1.5,"to":"ana@example.com"}')] },
      "tool_calls",
    );
    gateway.upstream().script = () => whole(200, again);
    const messages = [
      { role: "user", content: "Hello" },
      { role: "user", content: "Do it all the same" },
    ];
    const channel = await gateway.call(ask({ messages }));
    assert.match(channel.text, /rejected before in this conversation/);
    assert.deepEqual(await gateway.desk.list({ states: ["pending"], limit: 10 }), []);
  });

  test("of several, those that are approved go out and the text says what is missing", async () => {
    await using gateway = await open();
    const answer = completion(
      {
        content: null,
        tool_calls: [
          toolCall("send_email", '{"to":"a"}', "c1"),
          toolCall("get_weather", "{}", "c2"),
          toolCall("send_email", '{"to":"b"}', "c3"),
        ],
      },
      "tool_calls",
    );
    gateway.upstream().script = () => whole(200, answer);
    const from = await size(gateway);
    const channel = gateway.channel();
    const call = gateway.call(ask(), { channel });
    const [one, other] = await pending(gateway, 2);
    assert.ok(one && other);
    await vote(gateway, one);
    await vote(gateway, other, "reject", "no");
    await call;
    const { choices } = JSON.parse(channel.text);
    assert.deepEqual(
      choices[0].message.tool_calls.map(({ id }: { id: string }) => id),
      ["c1", "c2"],
    );
    assert.equal(choices[0].finish_reason, "tool_calls");
    assert.match(choices[0].message.content, /was rejected by ben@example.com: no/);
    assert.equal((await story(gateway, from)).at(-1), "call.completed partial");
  });

  test("takes with it what was permitted beside it only while policy still permits that, for a retry too", async () => {
    for (const retried of [false, true]) {
      await using gateway = await open();
      const calls = [toolCall("send_email", "{}", "c1"), toolCall("get_weather", "{}", "c2")];
      const answer = completion({ content: null, tool_calls: calls }, "tool_calls");
      gateway.upstream().script = () => whole(200, answer);
      const from = await size(gateway);
      const first = gateway.channel();
      const call = gateway.call(ask(), { channel: first });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      if (retried) {
        first.leave();
        await call;
      }
      await gateway.replacePolicies(`${policies}
        @id("no-weather") forbid (principal, action == Portcullis::Action::"get_weather", resource);`);
      await vote(gateway, approval);
      const channel = retried ? await gateway.call(ask()) : first;
      await call;
      const [{ message }] = JSON.parse(channel.text).choices;
      assert.deepEqual(message.tool_calls, [calls[0]]);
      assert.match(message.content, /`get_weather` was permitted, and policy does not permit it any more\./);
      assert.deepEqual((await story(gateway, from)).slice(-2), [
        "action.decided deny",
        "call.completed partial",
      ]);
    }
  });

  test("is left in peace by a client that goes, and given to its retry without asking the model again", async () => {
    await using gateway = await open();
    gateway.upstream().script = streamOf(mailStream).script;
    const first = gateway.channel();
    const gone = gateway.call(askStream(), { channel: first });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    first.leave();
    await gone;
    const retry = gateway.channel();
    const call = gateway.call(askStream(), { channel: retry });
    await vote(gateway, approval);
    await call;
    assert.equal(retry.text, mailStream.join(""));
    assert.equal(gateway.upstream().sent.length, 1);
    // It has all of it: the same request once more is a call of its own.
    gateway.upstream().script = () => whole(200, completion({ content: "Hi" }));
    await gateway.call(ask({ stream: false }));
    const third = await gateway.call(askStream());
    assert.equal(gateway.upstream().sent.length, 3, third.text);
  });

  test("is joined by a retry that comes at the very time of a vote", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    for (let round = 0; round < 16; round += 1) {
      const first = gateway.channel();
      const gone = gateway.call(ask({ seed: round }), { channel: first });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      first.leave();
      await gone;
      const hold = await gateway.desk.hold(approval.hold);
      const voted = vote(gateway, approval);
      // A little later each time, so that one of them comes between what the other reads and writes.
      for (let turn = 0; turn < round; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      const joined = await gateway.desk.join(hold?.attachKey ?? "");
      await voted;
      assert.equal(joined?.id, approval.hold, String(round));
    }
  });

  test("is found again by the name that its client gives it, and another request of that name is refused", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const named = { headers: { "idempotency-key": "k1" } };
    const first = gateway.channel();
    const gone = gateway.call(ask(), { channel: first, ...named });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    first.leave();
    await gone;
    const messages = [{ role: "user", content: "Something else" }];
    const other = await gateway.call(ask({ messages }), named);
    assert.deepEqual([other.status, other.refusal?.reason], [422, "idempotency_conflict"]);
    const retry = gateway.call(ask(), named);
    await vote(gateway, approval);
    assert.equal((await retry).text, JSON.stringify(mailAnswer));
    assert.equal(gateway.upstream().sent.length, 1);
  });

  test("of a live duplicate is a wait of its own", async () => {
    await using gateway = await open();
    gateway.upstream().script = () => whole(200, mailAnswer);
    const calls = [gateway.call(ask()), gateway.call(ask())];
    const both = await pending(gateway, 2);
    for (const approval of both) await vote(gateway, approval);
    for (const channel of await Promise.all(calls)) assert.equal(channel.text, JSON.stringify(mailAnswer));
    assert.equal(gateway.upstream().sent.length, 2);
  });
});

describe("a client that can wait no longer", () => {
  const text = (channel: RecordingChannel): string => JSON.parse(channel.text).choices[0].message.content;

  test("is told what waits, and its next message gets what was approved meanwhile", async () => {
    await using gateway = await open({ waiting: { ...patient, waitMs: 0 } });
    for (const stream of [false, true]) {
      gateway.upstream().script = stream ? streamOf(mailStream).script : () => whole(200, mailAnswer);
      const more = { user: stream ? "s" : "w", stream };
      const told = await gateway.call(ask(more));
      const said = stream ? streamed(told.text) : text(told);
      assert.match(
        said,
        /^I will\.\n\n\[Portcullis\] The tool call `send_email` waits for a sign-off by default/,
      );
      assert.match(said, /http:\/\/gateway\.test\/approvals\/apr_/);
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await vote(gateway, approval);
      const asked = gateway.upstream().sent.length;
      const messages = [
        { role: "user", content: "Hello" },
        { role: "assistant", content: said },
        { role: "user", content: "go on" },
      ];
      const resumed = await gateway.call(ask({ ...more, messages, stream: false }));
      const { choices } = JSON.parse(resumed.text);
      assert.deepEqual(choices[0].message.tool_calls, [toolCall("send_email", mail)]);
      assert.equal(choices[0].finish_reason, "tool_calls");
      assert.equal(gateway.upstream().sent.length, asked);
      // Once: from then on the sign says nothing, and no model sees it.
      gateway.upstream().script = () => whole(200, completion({ content: "Done" }));
      await gateway.call(ask({ ...more, messages, stream: false }));
      const sent = gateway.upstream().sent.at(-1);
      assert.doesNotMatch(Buffer.from(sent?.body ?? "").toString(), /portcullis-resume/);
      assert.match(Buffer.from(sent?.body ?? "").toString(), /waits for a sign-off/);
    }
  });

  test("cannot pick up what another's sign, or one that was moved, names", async () => {
    await using gateway = await open({ waiting: { ...patient, waitMs: 0 } });
    gateway.upstream().script = () => whole(200, mailAnswer);
    const said = text(await gateway.call(ask({ user: "mine" })));
    const [approval] = await pending(gateway);
    assert.ok(approval);
    await vote(gateway, approval);
    gateway.upstream().script = () => whole(200, completion({ content: "Hi" }));
    const hello = { role: "user", content: "Hello" };
    const carrier = { role: "assistant", content: said };
    const next = { role: "user", content: "go on" };
    const forged = {
      role: "assistant",
      content: said.replace(/\.[A-Za-z0-9_-]{43}\]/, `.${"A".repeat(43)}]`),
    };
    for (const [user, messages] of [
      ["other", [hello, carrier, next]],
      ["mine", [{ role: "user", content: "Hello!" }, carrier, next]],
      ["mine", [hello, { role: "user", content: said }, next]],
      ["mine", [hello, forged, next]],
      ["mine", [hello, { role: "assistant", content: `${said}?` }, next]],
      ["mine", [hello, carrier, carrier, next]],
      ["mine", [hello, carrier, { role: "assistant", content: "Well" }, next]],
    ] as const) {
      const channel = await gateway.call(ask({ user, messages }));
      assert.equal(text(channel), "Hi", JSON.stringify(messages));
    }
    assert.equal(gateway.upstream().sent.length, 8);
  });
});

/** The text of a stream as a client puts it together. */
function streamed(body: string): string {
  let text = "";
  for (const block of body.split("\n\n")) {
    if (!block.startsWith("data: {")) continue;
    const [choice] = JSON.parse(block.slice("data: ".length)).choices;
    text += choice?.delta?.content ?? "";
  }
  return text;
}

describe("a call that waits", () => {
  test("is seen by no model before it is signed off", async () => {
    await using gateway = await open({ policies: holdsCalls });
    gateway.upstream().script = () => whole(200, completion({ content: "A cat" }));
    const from = await size(gateway);
    const channel = gateway.channel();
    const call = gateway.call(ask(picture), { channel });
    const [approval] = await pending(gateway);
    assert.ok(approval);
    assert.equal(gateway.upstream().sent.length, 0);
    await vote(gateway, approval);
    await call;
    assert.match(channel.text, /A cat/);
    assert.equal(gateway.upstream().sent.length, 1);
    assert.deepEqual(await story(gateway, from), [
      "call.decided hold",
      "approval.requested",
      "approval.voted approved",
      "call.decided permit",
      "approval.released 1",
      "call.completed ok",
    ]);
  });

  test("that is rejected gets an answer in words, and no model was asked", async () => {
    await using gateway = await open({ policies: holdsCalls });
    for (const stream of [false, true]) {
      const channel = gateway.channel();
      const call = gateway.call(ask({ ...picture, stream, user: String(stream) }), { channel });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await vote(gateway, approval, "reject", "no pictures");
      await call;
      assert.match(channel.text, /This request was rejected by ben@example.com: no pictures/);
    }
    assert.equal(gateway.upstream().sent.length, 0);
  });
});

describe("where the model is told what was rejected", () => {
  const reprompted = { waiting: { ...patient, onReject: "reprompt" as const } };

  test("it answers again, whole and streamed, and its client gets that answer alone", async () => {
    await using gateway = await open(reprompted);
    for (const stream of [false, true]) {
      const turns = stream
        ? [
            streamOf(mailStream).script,
            streamOf([delta({ content: "Then not." }), delta({}, "stop"), done]).script,
          ]
        : [() => whole(200, mailAnswer), () => whole(200, completion({ content: "Then not." }))];
      const sent = gateway.upstream().sent.length;
      gateway.upstream().script = (request) => {
        const turn = turns[gateway.upstream().sent.length - sent - 1];
        assert.ok(turn);
        return turn(request);
      };
      const from = await size(gateway);
      const channel = gateway.channel();
      const call = gateway.call(ask({ stream, user: String(stream) }), { channel });
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await vote(gateway, approval, "reject", "not to her");
      await call;
      assert.equal(
        stream ? streamed(channel.text) : JSON.parse(channel.text).choices[0].message.content,
        stream ? "I will.Then not." : "Then not.",
      );
      assert.doesNotMatch(channel.text, /tool_calls|Portcullis/);
      const { messages } = JSON.parse(Buffer.from(gateway.upstream().sent.at(-1)?.body ?? "").toString());
      assert.deepEqual(messages.slice(0, 2), [
        { role: "user", content: "Hello" },
        { role: "assistant", content: "I will.", tool_calls: [toolCall("send_email", mail)] },
      ]);
      assert.equal(messages[2].tool_call_id, "call_1");
      assert.match(messages[2].content, /was rejected by ben@example\.com: not to her\./);
      assert.deepEqual((await story(gateway, from)).slice(-2), [
        "call.decided permit",
        "call.completed withheld",
      ]);
      const completed = (await gateway.all(from)).at(-1);
      assert.ok(completed?.type === "call.completed");
      assert.equal(completed.dispatches, 2);
      assert.ok(completed.usage.input_tokens >= 7);
    }
  });

  test("it is told twice at most, and what it proposes again is refused without asking anybody", async () => {
    await using gateway = await open(reprompted);
    let turn = 0;
    gateway.upstream().script = () => {
      turn += 1;
      const args = JSON.stringify({ to: String(turn) });
      return whole(
        200,
        completion({ content: null, tool_calls: [toolCall("send_email", args)] }, "tool_calls"),
      );
    };
    const channel = gateway.channel();
    const call = gateway.call(ask(), { channel });
    for (let round = 0; round < 3; round += 1) {
      const [approval] = await pending(gateway);
      assert.ok(approval);
      await vote(gateway, approval, "reject", "no");
    }
    await call;
    assert.equal(turn, 3);
    assert.match(channel.text, /was rejected by ben@example\.com: no\./);
  });
});

test("what waits is taken back by the application that asked, and by no other", async () => {
  await using gateway = await open();
  gateway.upstream().script = () => whole(200, mailAnswer);
  const channel = gateway.channel();
  const call = gateway.call(ask(), { channel });
  const [approval] = await pending(gateway);
  assert.ok(approval);
  const cancel = (key: string, id = approval.id): ReturnType<typeof cancelApproval> =>
    cancelApproval(gateway.parts, { authorization: `Bearer ${key}` }, "10.1.2.3", id);
  const reasonOf = async (cancelled: ReturnType<typeof cancelApproval>): Promise<string> => {
    const done = await cancelled;
    return done.ok ? done.value.state : done.failure.reason;
  };
  assert.equal(await reasonOf(cancel("pcl_wrong")), "invalid_api_key");
  assert.equal(await reasonOf(cancel(gateway.key, "apr_unknown")), "approval_not_found");
  assert.equal(await reasonOf(cancel(gateway.key)), "cancelled");
  assert.equal(await reasonOf(cancel(gateway.key)), "approval_decided");
  await call;
  assert.match(channel.text, /`send_email` was cancelled by its requester\./);
  assert.doesNotMatch(channel.text, /tool_calls/);
});
