import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configSchema } from "../config/schema.ts";
import { ToolCatalog } from "../facts/tool-catalog.ts";
import { toolDigest } from "../facts/tool-digest.ts";
import type { TestGateway } from "../gateway/gateway.test-support.ts";
import { policies } from "../gateway/paths.test-support.ts";
import { catalog, toolCall, tools } from "../gateway/requests.test-support.ts";
import {
  config,
  edit,
  filed,
  finance,
  isReleased,
  leavesOf,
  mail,
  open,
  refusals,
  retried,
  stateOf,
  vote,
  voter,
} from "./desk.test-support.ts";

describe("an edit", () => {
  const bytes = '{"to":"cleo@example.com"}';

  test("starts the votes over, and whoever made it does not vote on it", async () => {
    await using gateway = await open({ config: config({ quorum: 2 }) });
    const approval = await filed(gateway);
    await vote(gateway, approval, "ben");
    const edited = await edit(gateway, approval, bytes, "cleo");
    assert.ok(edited.ok);
    assert.deepEqual([edited.value.revision, edited.value.votes], [2, []]);
    assert.notEqual(edited.value.digest, approval.digest);
    assert.equal(await vote(gateway, approval, "dora"), "superseded");
    assert.equal(await vote(gateway, edited.value, "cleo"), "editor");
    assert.equal(await vote(gateway, edited.value, "cleo", { decision: "reject" }), "editor");
    assert.equal(await vote(gateway, edited.value, "ben"), "pending");
    assert.equal(await vote(gateway, edited.value, "dora"), "approved");
    const channel = await retried(gateway);
    const [call] = JSON.parse(channel.text).choices[0].message.tool_calls;
    assert.deepEqual(call, toolCall("send_email", bytes));
    assert.deepEqual(await refusals(gateway), [
      "approve superseded 2",
      "approve editor 2",
      "reject editor 2",
    ]);
  });

  test("of an edit keeps both editors from voting", async () => {
    await using gateway = await open();
    const one = await edit(gateway, await filed(gateway), bytes, "cleo");
    assert.ok(one.ok);
    const two = await edit(gateway, one.value, mail, "dora");
    assert.ok(two.ok);
    assert.equal(two.value.revision, 3);
    assert.equal(await vote(gateway, two.value, "cleo"), "editor");
    assert.equal(await vote(gateway, two.value, "dora"), "editor");
    assert.equal(await vote(gateway, two.value, "ben"), "approved");
    assert.ok(isReleased(await retried(gateway)));
  });

  test("to what cannot be described, or what policy denies, changes nothing", async () => {
    const secret = `@id("no-secrets-out") @reason("not out") forbid (principal, action in Portcullis::Action::"call_tool", resource)
      when { context.labels.contains("secret.aws_key") };\n`;
    await using gateway = await open({ policies: `${policies}${secret}` });
    const approval = await filed(gateway);
    for (const bad of ['{"a":1,"a":2}', "{", "7", '{"n":1e999}', '{"a":"\ud800"}', "[".repeat(1000)]) {
      const edited = await edit(gateway, approval, bad);
      assert.equal(edited.ok ? "edited" : edited.failure.reason, "undescribable", bad.slice(0, 20));
    }
    const denied = await edit(gateway, approval, '{"key":"AKIAIOSFODNN7EXAMPLE"}');
    assert.equal(denied.ok ? "edited" : denied.failure.reason, "policy_denied");
    assert.equal((await refusals(gateway)).length, 7);
    assert.equal(await vote(gateway, approval), "approved");
  });

  test("by somebody who gives none of its sign-offs, over other bytes, or of what is decided is refused", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    const reasons = [
      await edit(gateway, approval, bytes, "ana"),
      await edit(gateway, { ...approval, digest: "" }, bytes),
    ];
    await vote(gateway, approval);
    reasons.push(await edit(gateway, approval, bytes, "cleo"));
    assert.deepEqual(
      reasons.map((one) => (one.ok ? "edited" : one.failure.reason)),
      ["not_an_approver", "other_digest", "not_pending"],
    );
    assert.deepEqual(await refusals(gateway), [
      "edit not_an_approver 1",
      "edit other_digest 1",
      "edit not_pending 1",
    ]);
  });

  test("never takes a sign-off away", async () => {
    const only = `@id("big") @reason("theirs") @approval("finance")
      forbid (principal, action in Portcullis::Action::"call_tool", resource)
      when { context.labels.contains("email") } unless { context.approvals.contains("finance") };\n`;
    await using gateway = await open({ policies: `${policies}${only}` });
    const approval = await filed(gateway);
    const edited = await edit(gateway, approval, "{}");
    assert.ok(edited.ok);
    assert.deepEqual(edited.value.required, approval.required);
  });

  test("and votes at once leave one outcome", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    const [edited, voted] = await Promise.all([
      edit(gateway, approval, bytes, "cleo"),
      vote(gateway, approval),
    ]);
    assert.notEqual(edited.ok, voted === "approved");
    assert.equal(await stateOf(gateway, approval), edited.ok ? "pending" : "approved");
  });
});

describe("what was approved", () => {
  test("is not released once it was revoked, and a second revocation is refused on record", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    await vote(gateway, approval);
    assert.ok((await gateway.desk.revoke(approval.id, voter("cleo"), "wait")).ok);
    const again = await gateway.desk.revoke(approval.id, voter("cleo"), null);
    assert.equal(again.ok ? "" : again.failure.reason, "not_pending");
    assert.ok(!isReleased(await retried(gateway)));
    assert.equal(await stateOf(gateway, approval), "revoked");
    assert.deepEqual(await refusals(gateway), ["revoke not_pending 1"]);
  });

  test("can be cancelled by the application that asked, and by no other", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    const foreign = await gateway.desk.cancel(approval.id, "other");
    assert.equal(foreign.ok ? "" : foreign.failure.reason, "unknown_approval");
    assert.equal(await stateOf(gateway, approval), "pending");
    assert.ok((await gateway.desk.cancel(approval.id, "assistant")).ok);
    assert.match((await retried(gateway)).text, /was cancelled by its requester/);
    assert.equal(await vote(gateway, approval), "not_pending");
  });

  test("lapses when it is not used in time", async () => {
    await using gateway = await open({ config: config({ use_within: "10ms" }) });
    const approval = await filed(gateway);
    await vote(gateway, approval);
    const hold = await gateway.desk.holdOfApproval(approval.id);
    const usableUntil = hold?.usable_until ?? 0;
    while ((await gateway.desk.now()) < usableUntil) await new Promise((resolve) => setImmediate(resolve));
    const recheck = { begin: () => {}, rule: () => assert.fail(), decided: () => assert.fail() };
    const release = await gateway.desk.release(approval.hold, {
      releasedTo: "call_x",
      choice: null,
      recheck,
    });
    assert.ok(release.kind === "settled");
    assert.deepEqual(release.released, []);
    assert.equal(await stateOf(gateway, approval), "lapsed");
    assert.deepEqual(
      (await leavesOf(gateway, "approval.closed")).map(({ state }) => state),
      ["lapsed"],
    );
  });

  const changes: Readonly<Record<string, (gateway: TestGateway) => void | Promise<void>>> = {
    "policy forbids it since": (gateway) =>
      gateway.replacePolicies(
        `${policies}@id("no") forbid (principal, action in Portcullis::Action::"call_tool", resource);`,
      ),
    "policy asks for another sign-off since": (gateway) => gateway.replacePolicies(`${policies}${finance}`),
    "its voter was removed from the group": ({ control }) => {
      control.config = config({}, { groups: { operators: ["cleo@example.com"] } });
    },
    "its voter is no operator any more": ({ control }) => {
      control.stands = () => false;
    },
    "its quorum was raised since": ({ control }) => {
      control.config = config({ quorum: 2 });
    },
    "its sign-off is not declared any more": ({ control }) => {
      control.config = configSchema.parse({
        sign_offs: { finance: { approvers: ["ben@example.com"] } },
        applications: [{ name: "assistant", groups: ["staff"], owner: "ana" }],
      });
    },
  };
  const fallen =
    /it has fewer sign-offs than it needs today by people who may still give them; ask for it again/;
  const words: Readonly<Record<string, RegExp>> = {
    "its voter was removed from the group": fallen,
    "its voter is no operator any more": fallen,
    "its quorum was raised since": fallen,
    "its sign-off is not declared any more": fallen,
  };
  for (const [name, change] of Object.entries(changes)) {
    test(`is stale when ${name}`, async () => {
      await using gateway = await open();
      const approval = await filed(gateway);
      assert.equal(await vote(gateway, approval), "approved");
      await change(gateway);
      const channel = await retried(gateway);
      assert.ok(!isReleased(channel), channel.text);
      assert.match(
        channel.text,
        words[name] ?? /policy asks for more today than was signed off; ask for it again/,
      );
      assert.equal(await stateOf(gateway, approval), "stale");
    });
  }

  test("is stale when the catalog calls its tool something else since", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    await vote(gateway, approval);
    const [offered] = tools.filter((one) => one.function.name === "send_email").map((one) => one.function);
    assert.ok(offered);
    const entry = { effect: "read", digest: toolDigest(offered, "function") } as const;
    Object.assign(gateway.parts, { catalog: new ToolCatalog({ ...catalog, send_email: entry }) });
    assert.ok(!isReleased(await retried(gateway)));
    assert.equal(await stateOf(gateway, approval), "stale");
  });

  test("is stale when its application is gone", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    await vote(gateway, approval);
    const { holding } = gateway.parts;
    Object.assign(gateway.parts, { holding: { ...holding, stands: () => false } });
    assert.ok(!isReleased(await retried(gateway)));
    assert.equal(await stateOf(gateway, approval), "stale");
    const [closed] = (await leavesOf(gateway, "approval.closed")).slice(-1);
    assert.equal(closed?.state, "stale");
  });
});
