import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, test } from "node:test";
import { canonicalJson } from "portcullis-verify/leaves/canonical-json.ts";
import { current, type ListedApproval } from "../approvals/approval.ts";
import { viewDigest } from "../approvals/view.ts";
import { type ApprovalView, approvalView } from "../approvals/view-schema.ts";
import {
  openTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from "../gateway/gateway.test-support.ts";
import { policies } from "../gateway/paths.test-support.ts";
import { ask, askStream, catalog, toolCall } from "../gateway/requests.test-support.ts";
import { completion, delta, done, streamOf, whole } from "../gateway/upstream.test-support.ts";
import { approvalServices } from "./approval-services.ts";
import { viewOf } from "./approval-views.ts";

const ben = { name: "ben@example.com", method: "token", sourceAddress: "10.0.0.9" } as const;
const cleo = { ...ben, name: "cleo@example.com" };

function open(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const waiting = { waitMs: 60_000, commitMs: 60_000, beatMs: 60_000 };
  return openTestGateway({ policies, catalog, waiting, ...options });
}

/** Those that wait, once there are as many. */
async function pending(gateway: TestGateway, count: number): Promise<readonly ListedApproval[]> {
  for (;;) {
    const found = await gateway.desk.list({ states: ["pending"], limit: 100 });
    if (found.length >= count) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function viewed(gateway: TestGateway, id: string): Promise<ApprovalView> {
  const hold = await gateway.desk.holdOfApproval(id);
  const approval = hold === null ? undefined : current(hold).find((one) => one.id === id);
  assert.ok(hold !== null && approval !== undefined);
  const { holding } = gateway.parts;
  const nameOf = async (subject: string) => {
    const name = await holding.operatorName(subject);
    return name === null ? null : { kind: "operator" as const, name };
  };
  const sources = { desk: gateway.desk, subjects: { nameOf }, gateway: () => gateway.parts };
  const view = await viewOf(sources, hold, approval);
  assert.ok(view.ok);
  return approvalView.parse(view.value);
}

/** Makes the call, looks while it waits, and lets the client go. */
async function whileWaiting(
  gateway: TestGateway,
  body: object,
  count: number,
  look: (approvals: readonly ListedApproval[]) => Promise<void>,
): Promise<void> {
  const channel = gateway.channel();
  const call = gateway.call(body, { channel });
  try {
    await look(await pending(gateway, count));
  } finally {
    channel.leave();
    await call;
  }
}

const evil =
  '{"to":"an\\u0430@example.com","body":"pay \\u202e100\\u202c\\u200b","n":1.50,"<U+202E>":"\\u0000"}';

function answers(gateway: TestGateway, ...args: readonly string[]): void {
  const calls = args.map((text) => toolCall("send_email", text));
  const message = {
    content: "I will.\u200b",
    tool_calls: [...calls, toolCall("get_weather", '{"city":"Oslo"}')],
  };
  gateway.upstream().script = () => whole(200, completion(message, "tool_calls"));
}

describe("the view of an approval", () => {
  test("has who asks, why it is held, what else is in the turn, and nothing that hides", async () => {
    await using gateway = await open();
    answers(gateway, evil, '{"to":"ben@example.com"}');
    await whileWaiting(gateway, ask({ user: "mallory\u202e" }), 2, async ([first, second]) => {
      assert.ok(first && second);
      const view = await viewed(gateway, first.id);
      assert.equal(view.who.application, "assistant");
      assert.equal(view.who.user?.name, "mallory<U+202E>");
      assert.deepEqual(view.who.requesters.toSorted(), ["ana", "mallory<U+202E>"]);
      assert.deepEqual(
        view.arguments.rows.map(({ path, type, value }) => [path, type, value]),
        [
          ["to", "string", "an\u0430@example.com"],
          ["body", "string", "pay <U+202E>100<U+202C><U+200B>"],
          ["n", "number", "1.50"],
          ['["<U+003C>U+202E>"]', "string", "<U+0000>"],
        ],
      );
      assert.match(view.arguments.rows[0]?.notes.join() ?? "", /Latin and Cyrillic/);
      assert.equal(view.arguments.raw, evil.replace("<U+202E>", "<U+003C>U+202E>"));
      assert.equal(view.arguments.bytes, Buffer.byteLength(evil));
      assert.deepEqual(view.batch.said, [{ choice: 0, text: "I will.<U+200B>" }]);
      assert.deepEqual(
        view.batch.others.map((one) => [one.id, one.state, one.arguments]),
        [[second.id, "pending", '{"to":"ben@example.com"}']],
      );
      assert.deepEqual(view.batch.permitted, [{ tool: "get_weather", arguments: '{"city":"Oslo"}' }]);
      assert.deepEqual(
        view.sign_offs,
        first.required.map((one) => ({ ...one, given: 0 })),
      );
      assert.ok(view.policies.length > 0 && view.seconds_left !== null && view.seconds_left > 3_500);
      assert.equal(viewDigest(view), hash("sha256", canonicalJson(view), "hex"));
      assert.doesNotMatch(JSON.stringify(view), /[\p{C}]/u);
    });
  });

  test("of a stream has the text that came before and behind the tool call", async () => {
    await using gateway = await open();
    const call = {
      index: 0,
      id: "call_1",
      type: "function",
      function: { name: "send_email", arguments: "{}" },
    };
    gateway.upstream().script = streamOf([
      delta({ role: "assistant", content: "Before" }),
      delta({ tool_calls: [call] }),
      delta({ content: " and behind." }),
      delta({}, "tool_calls"),
      done,
    ]).script;
    await whileWaiting(gateway, askStream(), 1, async ([approval]) => {
      const { batch } = await viewed(gateway, approval?.id ?? "");
      assert.deepEqual(batch.said, [{ choice: 0, text: "Before and behind." }]);
      assert.deepEqual([batch.others, batch.permitted], [[], []]);
    });
  });

  test("of an edited one says by whom, why, and what changed at each step", async () => {
    await using gateway = await open();
    answers(gateway, '{"to":"a@example.com"}');
    await whileWaiting(gateway, ask(), 1, async ([approval]) => {
      assert.ok(approval);
      let { digest } = approval;
      for (const [editor, to, reason] of [
        [ben, "b", "wrong address"],
        [cleo, "c", null],
        [ben, "d", "once more"],
      ] as const) {
        const bytes = `{"to":"${to}@example.com"}`;
        const edited = await gateway.desk.edit(approval.id, editor, { digest, bytes, reason });
        assert.ok(edited.ok, edited.ok ? "" : JSON.stringify(edited.failure));
        digest = edited.value.digest;
      }
      const view = await viewed(gateway, approval.id);
      assert.equal(view.digest, digest);
      assert.deepEqual(
        view.revisions.map(({ revision, edited_by, reason, changes }) => [
          ...[revision, edited_by?.name, reason],
          ...(changes ?? []).map(({ before, after }) => `${before} → ${after}`),
        ]),
        [
          [1, "ben@example.com", "wrong address", '"a@example.com" → "b@example.com"'],
          [2, "cleo@example.com", null, '"b@example.com" → "c@example.com"'],
          [3, "ben@example.com", "once more", '"c@example.com" → "d@example.com"'],
        ],
      );
      assert.deepEqual(
        view.editors.map(({ name }) => name),
        ["cleo@example.com", "ben@example.com"],
      );
    });
  });

  test("counts what became of others of its kind, and not itself", async () => {
    await using gateway = await open();
    for (const [at, decision] of (["approve", "reject", "reject"] as const).entries()) {
      answers(gateway, `{"n":${at}}`);
      const call = gateway.call(ask({ metadata: { conversation_id: `c${at}` } }));
      const [approval] = await pending(gateway, 1);
      assert.ok(approval);
      const ballot = { decision, digest: approval.digest, reason: null };
      assert.ok((await gateway.desk.vote(approval.id, ben, ballot)).ok);
      const { similar } = await viewed(gateway, approval.id);
      assert.deepEqual(
        [similar.approved, similar.rejected],
        [
          [0, 0],
          [1, 0],
          [1, 1],
        ][at],
      );
      await call;
    }
  });

  test("of a held call has the request's messages, and all of the request", async () => {
    await using gateway = await open({
      policies: `${policies}
@id("look-at-calls") @approval("default") @reason("calls are looked at")
forbid (principal, action == Portcullis::Action::"chat", resource) unless { context.approvals.contains("default") };`,
    });
    const content = [
      { type: "text", text: "Read\u200b this" },
      { type: "image_url", image_url: { url: "data:," } },
    ];
    const body = ask({
      messages: [
        { role: "system", content: "Be brief" },
        { role: "user", content },
      ],
    });
    await whileWaiting(gateway, body, 1, async ([approval]) => {
      const view = await viewed(gateway, approval?.id ?? "");
      assert.equal(view.kind, "call");
      assert.deepEqual(view.messages, [
        { role: "system", text: "Be brief" },
        { role: "user", text: "Read<U+200B> this\n[image_url]" },
      ]);
      assert.equal(
        view.arguments.rows.find(({ path }) => path === "messages[1].content[1].image_url.url")?.value,
        "data:,",
      );
      assert.equal(view.arguments.raw, JSON.stringify(body).replace("\u200b", "<U+200B>"));
      assert.deepEqual(view.batch, { said: [], others: [], permitted: [] });
    });
  });
});

const unread = () => assert.fail("the trail is read only for what is not at the desk");

test("the digest that comes with a view is of what the view shows, though somebody edits it meanwhile", async () => {
  await using gateway = await open();
  answers(gateway, '{"to":"ana@example.com"}');
  await whileWaiting(gateway, ask(), 1, async ([approval]) => {
    assert.ok(approval);
    const { desk } = gateway;
    const nameOf = async () => null;
    const now = desk.now.bind(desk);
    // Asked once the revision that is shown is read.
    desk.now = async () => {
      const bytes = '{"to":"eve@example.com"}';
      await desk.edit(approval.id, ben, { digest: approval.digest, bytes, reason: null });
      return now();
    };
    const log = { head: unread, read: unread, byId: unread };
    const services = approvalServices({ desk, subjects: { nameOf }, gateway: () => gateway.parts, log });
    const shown = await services.show(approval.id, cleo.name);
    assert.ok(shown.ok);
    const { approval: told, view } = shown.value;
    assert.deepEqual([told.digest, told.revision], [view.digest, view.revision]);
    assert.equal(told.arguments, '{"to":"ana@example.com"}');
    const ballot = { decision: "approve", digest: told.digest, reason: null } as const;
    const voted = await services.vote(approval.id, cleo, ballot);
    assert.ok(!voted.ok);
  });
});
