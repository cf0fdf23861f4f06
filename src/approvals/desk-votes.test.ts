import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestGateway } from "../gateway/gateway.test-support.ts";
import { policies } from "../gateway/paths.test-support.ts";
import {
  config,
  filed,
  finance,
  fourEyes,
  isReleased,
  leavesOf,
  open,
  people,
  refusals,
  retried,
  stateOf,
  vote,
  voter,
} from "./desk.test-support.ts";

describe("a vote", () => {
  test("over other bytes than those that wait does not count, and is on record", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    assert.equal(await vote(gateway, approval, "ben", { digest: "0".repeat(64) }), "other_digest");
    assert.equal(await vote(gateway, approval, "ben", { digest: "" }), "other_digest");
    assert.equal(await stateOf(gateway, approval), "pending");
    assert.deepEqual(await refusals(gateway), ["approve other_digest 1", "approve other_digest 1"]);
  });

  test("counts once for each person, whatever it says the second time", async () => {
    await using gateway = await open({ config: config({ quorum: 2 }) });
    const approval = await filed(gateway);
    assert.equal(await vote(gateway, approval), "pending");
    assert.equal(await vote(gateway, approval), "voted_before");
    assert.equal(await vote(gateway, approval, "ben", { decision: "reject" }), "voted_before");
    assert.equal(await stateOf(gateway, approval), "pending");
    assert.deepEqual(await refusals(gateway), ["approve voted_before 1", "reject voted_before 1"]);
  });

  test("of nobody who asked for it counts: user, owner", async () => {
    const approvers = ["ana", "pat", ...people];
    await using gateway = await open({
      policies: `${policies}${fourEyes}`,
      config: config({ approvers }, { groups: {} }),
    });
    const approval = await filed(gateway);
    for (const name of ["ana", "pat", "PAT "]) {
      const cast = { decision: "approve", digest: approval.digest, reason: null } as const;
      const voted = await gateway.desk.vote(approval.id, { ...voter(name), name }, cast);
      assert.equal(voted.ok ? "counted" : voted.failure.reason, "policy_denied", name);
    }
    assert.equal((await refusals(gateway)).length, 3);
    assert.equal(await vote(gateway, approval, "cleo"), "approved");
  });

  test("of somebody who gives no sign-off that it needs does not count", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    assert.equal(await vote(gateway, approval, "ana"), "not_an_approver");
    assert.equal(await vote(gateway, approval, "ana", { decision: "reject" }), "not_an_approver");
    assert.deepEqual(await refusals(gateway), ["approve not_an_approver 1", "reject not_an_approver 1"]);
  });

  test("on what does not exist changes nothing", async () => {
    await using gateway = await open();
    const approval = await filed(gateway);
    assert.equal(await vote(gateway, { ...approval, id: "apr_none" }), "unknown_approval");
    assert.equal(await vote(gateway, { ...approval, id: "' OR 1=1 --" }), "unknown_approval");
    assert.deepEqual(await refusals(gateway), []);
  });

  test("comes too late once its time is over, and that is no refusal by a person", async () => {
    await using gateway = await open({ config: config({ decide_within: "1s" }) });
    const approval = await filed(gateway);
    while ((await gateway.desk.now()) < approval.expires_at)
      await new Promise((resolve) => setImmediate(resolve));
    assert.match(await vote(gateway, approval), /^(expired|not_pending)$/);
    const channel = await retried(gateway);
    assert.match(channel.text, /was not decided in time/);
    assert.equal(await stateOf(gateway, approval), "expired");
    const [closed] = await leavesOf(gateway, "approval.closed");
    assert.deepEqual([closed?.state, closed?.actor.kind], ["expired", "gateway"]);
    assert.equal(await vote(gateway, approval), "not_pending");
  });

  test("of fifty at once decides once, and each of the others is told why it does not count", async () => {
    const crowd = Array.from({ length: 50 }, (_, at) => `voter${at}@example.com`);
    await using gateway = await open({ config: config({}, { groups: { operators: crowd } }) });
    const approval = await filed(gateway);
    const votes = crowd.map((name, at) =>
      vote(gateway, approval, name.replace("@example.com", ""), {
        decision: at % 2 === 0 ? "approve" : "reject",
      }),
    );
    const outcomes = await Promise.all(votes);
    const counted = outcomes.filter((one) => one === "approved" || one === "rejected");
    assert.equal(counted.length, 1);
    assert.equal(outcomes.filter((one) => one === "not_pending").length, 49);
    assert.equal(await stateOf(gateway, approval), counted[0]);
    assert.equal((await leavesOf(gateway, "approval.voted")).length, 1);
    assert.equal((await refusals(gateway)).length, 49);
  });

  test("of the same person fifty times at once counts once", async () => {
    await using gateway = await open({ config: config({ quorum: 3 }) });
    const approval = await filed(gateway);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => vote(gateway, approval)));
    assert.deepEqual(outcomes.toSorted().slice(0, 1), ["pending"]);
    assert.equal(outcomes.filter((one) => one === "voted_before").length, 49);
    assert.equal(await stateOf(gateway, approval), "pending");
  });
});

describe("the sign-offs", () => {
  test("of two kinds need two people, though one of them could give both", async () => {
    const both = finance.replace("money", "also").replaceAll("finance", "default");
    await using gateway = await open({ policies: `${policies}${finance}${both}` });
    const approval = await filed(gateway);
    assert.deepEqual(approval.required.map(({ name }) => name).toSorted(), ["default", "finance"]);
    assert.equal(await vote(gateway, approval, "ben"), "pending");
    assert.equal(await vote(gateway, approval, "ben"), "voted_before");
    // Ben moves over to `finance`, so that hers counts.
    assert.equal(await vote(gateway, approval, "cleo"), "approved");
    assert.ok(isReleased(await retried(gateway)));
    const [released] = await leavesOf(gateway, "approval.released");
    assert.deepEqual(
      released?.given.map(({ votes }) => votes),
      [1, 1],
    );
  });

  const removals: Readonly<Record<string, (gateway: TestGateway, voter: string) => void>> = {
    "is no operator any more": ({ control }, voter) => {
      control.stands = (one) => one !== voter;
    },
    "was removed from the group": ({ control }) => {
      control.config = config(
        { quorum: 2 },
        { groups: { operators: people.filter((one) => one !== "ben@example.com") } },
      );
    },
  };
  for (const [name, remove] of Object.entries(removals)) {
    test(`leave the place of somebody who ${name} to somebody else`, async () => {
      await using gateway = await open({ config: config({ quorum: 2 }) });
      const approval = await filed(gateway);
      assert.equal(await vote(gateway, approval, "ben"), "pending");
      const [first] = await leavesOf(gateway, "approval.voted");
      assert.ok(first);
      remove(gateway, first.actor.id);
      assert.equal(await vote(gateway, approval, "cleo"), "pending");
      assert.equal(await vote(gateway, approval, "dora"), "approved");
      assert.deepEqual(
        (await leavesOf(gateway, "approval.voted")).map((leaf) => [leaf.state, leaf.not_counted]),
        [
          ["pending", undefined],
          ["pending", [{ operator: first.actor.id, sign_offs: ["default"] }]],
          ["approved", [{ operator: first.actor.id, sign_offs: ["default"] }]],
        ],
      );
      assert.ok(isReleased(await retried(gateway)));
    });
  }

  test("of somebody who may vote again count again", async () => {
    await using gateway = await open({ config: config({ quorum: 2 }) });
    const approval = await filed(gateway);
    await vote(gateway, approval, "ben");
    gateway.control.stands = () => false;
    assert.equal(await vote(gateway, approval, "cleo"), "pending");
    gateway.control.stands = () => true;
    assert.equal(await vote(gateway, approval, "dora"), "approved");
  });

  test("of a quorum of three need three", async () => {
    await using gateway = await open({ config: config({ quorum: 3 }) });
    const approval = await filed(gateway);
    assert.equal(await vote(gateway, approval, "ben"), "pending");
    assert.equal(await vote(gateway, approval, "cleo"), "pending");
    assert.ok(!isReleased(await retried(gateway)));
    assert.equal(await vote(gateway, approval, "dora"), "approved");
    assert.ok(isReleased(await retried(gateway)));
  });

  test("do not come together once one person has rejected it, and not the other way round either", async () => {
    await using gateway = await open({ config: config({ quorum: 2 }) });
    const approval = await filed(gateway);
    await vote(gateway, approval, "ben");
    assert.equal(await vote(gateway, approval, "cleo", { decision: "reject", reason: "no" }), "rejected");
    assert.equal(await vote(gateway, approval, "dora"), "not_pending");
    const other = await filed(gateway, { metadata: { conversation_id: "other" } });
    await vote(gateway, other, "ben");
    assert.equal(await vote(gateway, other, "cleo"), "approved");
    assert.equal(await vote(gateway, other, "dora", { decision: "reject" }), "not_pending");
    assert.equal(await stateOf(gateway, other), "approved");
    assert.match((await retried(gateway)).text, /was rejected by cleo@example.com: no/);
  });
});
