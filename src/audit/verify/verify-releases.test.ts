import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { completed, decided, record, trailBench } from "../trail.test-support.ts";
import {
  approvedTurn,
  asked,
  askedForCall,
  closed,
  edited,
  finance,
  heldAction,
  permitted,
  released,
  voted,
} from "./approval-log.test-support.ts";
import { activated, findingsOf, noApprovals, told, verify } from "./verify.test-support.ts";

const held = heldAction("call_1");
const one = asked(held);
const approval = one.approval;
/** Entries 3 to 5. */
const opening = [decided("call_1"), held, one];
const vote = voted(one, "op_a");
const permit = permitted(held, one);
const release = released(one, one);
const other = "e".repeat(64);

async function reasonsOf(...args: Parameters<typeof findingsOf>): Promise<readonly string[]> {
  return (await findingsOf(...args)).map(({ reason }) => reason);
}

describe("verifying what was handed on because it was signed off", () => {
  it("proves it, and counts it as approved", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(trail, activated, ...approvedTurn("call_1"), ...approvedTurn("call_2"));
    await trail.close();
    const { governance, findings } = await verify(bench.state);
    assert.deepEqual(findings, []);
    assert.deepEqual([governance.writesApproved, governance.actions, governance.actionsPermitted], [2, 2, 2]);
    assert.deepEqual(governance.approvals, { ...noApprovals, requested: 2, votes: 2, released: 2 });
  });

  it("finds votes that are missing, naming the sign-off, and does not count the write as approved", async (t) => {
    const both = [...finance(2), { name: "legal", quorum: 1 }];
    const wants = heldAction("call_1", "act_1", both);
    const asks = asked(wants, both);
    const bench = trailBench(t);
    const trail = await bench.open();
    await record(
      trail,
      ...[activated, decided("call_1"), wants, asks],
      voted(asks, "op_a", { state: "pending", sign_offs: ["finance"] }),
      voted(asks, "op_b", { state: "pending", sign_offs: ["legal"] }),
      ...[permitted(wants, asks), released(asks, asks), completed("call_1")],
    );
    await trail.close();
    const report = await verify(bench.state);
    const missing = { signOff: "finance", expected: 2, found: 1 };
    assert.deepEqual(told(report), [
      { reason: "votes_missing", entry: 8, approval, ...missing },
      { reason: "given_contradicts", entry: 9, approval, signOff: "finance", expected: 1, found: 2 },
    ]);
    assert.equal(report.governance.writesApproved, 0);
  });

  it("finds votes over another digest, late votes, and votes that an edit has made void", async (t) => {
    const rest = [permit, release, completed("call_1")];
    const elsewhere = voted(one, "op_a", { digest: other });
    assert.deepEqual(await reasonsOf(t, ...opening, elsewhere, ...rest), [
      "other_digest",
      "votes_missing",
      "given_contradicts",
    ]);
    assert.deepEqual(await reasonsOf(t, ...opening, permit, release, vote, completed("call_1")), [
      "votes_missing",
      "given_contradicts",
      "other_state",
    ]);
    const two = asked(held, finance(2));
    const revised = edited(two, two, "op_c");
    const log = [
      ...[decided("call_1"), held, two, voted(two, "op_a", { state: "pending" })],
      ...[closed(two, "superseded"), revised, voted(revised, "op_b", { state: "pending" })],
      ...[permitted(held, two), released(revised, two), completed("call_1")],
    ];
    assert.deepEqual(await reasonsOf(t, ...log), ["votes_missing", "given_contradicts"]);
    const third = voted(revised, "op_d");
    assert.deepEqual(await reasonsOf(t, ...log.slice(0, 7), third, ...log.slice(7)), []);
    const stale = released(two, two);
    assert.deepEqual(await reasonsOf(t, ...log.slice(0, 7), third, permit, stale, completed("call_1")), [
      "other_revision",
    ]);
  });

  it("finds what was handed on after it ended, twice, or for no approval that there is", async (t) => {
    for (const state of ["revoked", "stale", "lapsed", "cancelled"] as const) {
      const found = await findingsOf(t, ...opening, vote, closed(one, state), permit, release);
      const late = { reason: "other_state", approval, found: state, since: 7 };
      assert.deepEqual(found, [
        { ...late, entry: 8, expected: ["pending", "approved"] },
        { ...late, entry: 9, expected: ["pending", "approved", "released"] },
      ]);
    }
    assert.deepEqual(await findingsOf(t, ...opening, vote, permit, release, permit), [
      { reason: "used_twice", entry: 9, approval, permit: 8 },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, vote, permit, permit, release), [
      { reason: "used_twice", entry: 8, approval, permit: 7 },
    ]);
    const unknown = permitted(held, { ...one, approval: "apr_2" });
    assert.deepEqual(await findingsOf(t, decided("call_1"), held, unknown), [
      { reason: "approval_unknown", entry: 5, approval: "apr_2" },
    ]);
  });

  it("finds a decision without a release, a release without a decision, and a decision that permits nothing", async (t) => {
    assert.deepEqual(await findingsOf(t, ...opening, vote, permit), [
      { reason: "decision_without_release", entry: 7, approval },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, vote, permit, closed(one, "stale")), [
      { reason: "decision_without_release", entry: 7, approval },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, vote, release), [
      { reason: "released_without_decision", entry: 7, approval },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, vote, { ...permit, decision: "hold" }), [
      { reason: "not_a_permit", entry: 7, approval, found: "hold" },
    ]);
    assert.deepEqual(await reasonsOf(t, ...opening, { ...permit, approval: null, unattended: true }), [
      "action_decided_again",
    ]);
  });

  it("finds an approval that is used for another action, tool, application or call", async (t) => {
    for (const [member, changes] of [
      ["action", { action: "act_2" }],
      ["tool", { tool: "wire_money" }],
      ["tool_digest", { tool_digest: "sha256:1" }],
      ["user", { user: null }],
    ] as const) {
      const found = await findingsOf(t, ...opening, vote, { ...permit, ...changes }, release);
      assert.deepEqual(
        found.map((finding) => finding.reason === "other_member" && finding.member),
        [member],
      );
    }
    for (const [member, changes] of [
      ["hold", { hold: "hold_2" }],
      ["call", { call: "call_2" }],
      ["action", { action: null }],
    ] as const) {
      const found = await findingsOf(t, ...opening, vote, permit, { ...release, ...changes });
      assert.deepEqual(
        found.map((finding) => finding.reason === "other_member" && finding.member),
        [member],
      );
    }
    const call = decided("call_1", { decision: "hold", sign_offs: ["finance"] });
    const waits = askedForCall(call);
    const asAction = permitted(held, waits);
    const found = await findingsOf(t, call, waits, voted(waits, "op_a"), asAction);
    assert.ok(found.some((finding) => finding.reason === "other_member" && finding.member === "action"));
  });

  it("finds sign-offs that are said to be given and are not", async (t) => {
    const two = asked(held, finance(2));
    const log = [
      ...[decided("call_1"), held, two, voted(two, "op_a", { state: "pending" }), voted(two, "op_b")],
      permitted(held, two),
    ];
    for (const [given, expected, found] of [
      [[{ name: "finance", quorum: 1, votes: 2 }], 2, 1],
      [[{ name: "finance", quorum: 2, votes: 1 }], 2, 1],
      [[{ name: "finance", quorum: 3, votes: 2 }], 3, 2],
      [[{ name: "finance", quorum: 3, votes: 3 }], 2, 3],
    ] as const) {
      assert.deepEqual(await findingsOf(t, ...log, released(two, two, { given: [...given] })), [
        { reason: "given_contradicts", entry: 9, approval, signOff: "finance", expected, found },
      ]);
    }
    const legal = { name: "legal", quorum: 1, votes: 1 };
    const surplus = released(two, two, { given: [{ name: "finance", quorum: 2, votes: 2 }, legal] });
    assert.deepEqual(await reasonsOf(t, ...log, surplus), ["given_contradicts"]);
    assert.deepEqual(await reasonsOf(t, ...log, released(two, two, { given: [legal] })), [
      "given_contradicts",
      "given_contradicts",
    ]);
  });

  it("finds what is handed on before the rest of its turn is decided", async (t) => {
    const second = heldAction("call_1", "act_2");
    const waits = asked(second);
    const start = [decided("call_1"), held, second, one, waits, vote];
    assert.deepEqual(await findingsOf(t, ...start, permit, release), [
      { reason: "released_before_rest", entry: 9, approval, waiting: waits.approval },
    ]);
    assert.deepEqual(await findingsOf(t, ...start, closed(waits, "expired"), permit, release), [
      {
        reason: "expired_early",
        entry: 9,
        approval: waits.approval,
        expected: waits.expires,
        found: "2026-11-23T00:00:00.000Z",
      },
    ]);
  });
});
