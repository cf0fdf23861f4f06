import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { decided, record, trailBench } from "../trail.test-support.ts";
import { asked, closed, edited, finance, heldAction, operator, voted } from "./approval-log.test-support.ts";
import { activated, findingsOf, noApprovals, told, verify } from "./verify.test-support.ts";

const held = heldAction("call_1");
const one = asked(held);
const approval = one.approval;
/** Entries 3 to 5. */
const opening = [decided("call_1"), held, one];
const other = "e".repeat(64);

describe("verifying votes", () => {
  it("finds votes for another revision or digest, and does not count them", async (t) => {
    assert.deepEqual(await findingsOf(t, ...opening, voted(one, "op_a", { digest: other })), [
      { reason: "other_digest", entry: 6, approval, expected: one.digest, found: other },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, voted(one, "op_a", { revision: 2 })), [
      { reason: "other_revision", entry: 6, approval, expected: 1, found: 2 },
    ]);
  });

  it("finds votes on what nobody asked for, what is decided, and what has ended", async (t) => {
    assert.deepEqual(await findingsOf(t, voted(one, "op_a")), [
      { reason: "approval_unknown", entry: 3, approval },
    ]);
    const late = { reason: "other_state", entry: 7, approval, expected: ["pending"], since: 6 };
    assert.deepEqual(await findingsOf(t, ...opening, voted(one, "op_a"), voted(one, "op_b")), [
      { ...late, found: "approved" },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, closed(one, "cancelled"), voted(one, "op_b")), [
      { ...late, found: "cancelled" },
    ]);
  });

  it("counts each operator once, whatever the vote may stand for", async (t) => {
    const both = [...finance(), { name: "legal", quorum: 1 }];
    const wants = heldAction("call_1", "act_1", both);
    const asks = asked(wants, both);
    const start = [decided("call_1"), wants, asks];
    const pending = { state: "pending" } as const;
    assert.deepEqual(await findingsOf(t, ...start, voted(asks, "op_a", pending), voted(asks, "op_b")), []);
    assert.deepEqual(await findingsOf(t, ...start, voted(asks, "op_a")), [
      { reason: "wrong_outcome", entry: 6, approval, expected: "pending", found: "approved" },
    ]);
    assert.deepEqual(await findingsOf(t, ...start, voted(asks, "op_a", pending), voted(asks, "op_a")), [
      { reason: "voted_twice", entry: 7, approval, operator: "op_a", voted: 6 },
    ]);
    const finances = voted(asks, "op_a", { ...pending, sign_offs: ["finance"] });
    const onlyFinance = voted(asks, "op_b", { ...pending, sign_offs: ["finance"] });
    assert.deepEqual(await findingsOf(t, ...start, finances, onlyFinance), []);
    assert.deepEqual(await findingsOf(t, ...start, finances, { ...onlyFinance, state: "approved" }), [
      { reason: "wrong_outcome", entry: 7, approval, expected: "pending", found: "approved" },
    ]);
  });

  it("finds an outcome that the votes do not give", async (t) => {
    const two = asked(held, finance(2));
    const start = [decided("call_1"), held, two];
    for (const [vote, expected, found] of [
      [voted(two, "op_a"), "pending", "approved"],
      [voted(two, "op_a", { decision: "reject" }), "rejected", "approved"],
      [voted(two, "op_a", { decision: "reject", state: "pending" }), "rejected", "pending"],
    ] as const) {
      const end = expected === "rejected" ? [closed(two, "rejected")] : [];
      assert.deepEqual(await findingsOf(t, ...start, vote, ...end), [
        { reason: "wrong_outcome", entry: 6, approval, expected, found },
      ]);
    }
    assert.deepEqual(await findingsOf(t, ...opening, voted(one, "op_a", { state: "pending" })), [
      { reason: "wrong_outcome", entry: 6, approval, expected: "approved", found: "pending" },
    ]);
  });

  it("finds votes by what is no operator, for what is not asked, and on one's own edit", async (t) => {
    const application = { kind: "application", id: "billing" } as const;
    const at = { entry: 6, approval };
    assert.deepEqual(await findingsOf(t, ...opening, voted(one, "", { actor: application })), [
      { ...at, reason: "vote_not_an_operators", found: "application billing" },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, voted(one, "op_a", { sign_offs: ["legal"] })), [
      { ...at, reason: "sign_off_not_asked", signOff: "legal" },
    ]);
    const two = edited(one, one, "op_a");
    assert.deepEqual(
      await findingsOf(t, ...opening, closed(one, "superseded"), two, voted(two, "op_a"), voted(two, "op_b")),
      [{ reason: "voted_on_own_edit", entry: 8, approval, operator: "op_a", edited: 7 }],
    );
  });

  it("finds votes after expiry, by more than clocks may be apart, and an expiry before its time", async (t) => {
    const expires = "2026-11-23T00:05:00.000Z";
    const soon = asked(held, finance(), { expires });
    const log = async (at: number, body: LeafBody) => {
      const bench = trailBench(t);
      const trail = await bench.open();
      await record(trail, activated, decided("call_1"), held, soon);
      bench.clock.time = Date.parse(expires) + at;
      await record(trail, body);
      await trail.close();
      return told(await verify(bench.state)).map((finding) => finding.reason);
    };
    assert.deepEqual(await log(60_000, voted(soon, "op_a")), []);
    assert.deepEqual(await log(100_000, voted(soon, "op_a")), ["decided_after_expiry"]);
    assert.deepEqual(await log(-60_000, closed(soon, "expired")), []);
    assert.deepEqual(await log(-100_000, closed(soon, "expired")), ["expired_early"]);
  });

  it("leaves out of the count what is said not to count any more, and nothing else", async (t) => {
    const two = asked(held, finance(2));
    const gone = [{ operator: "op_a", sign_offs: ["finance"] }];
    const first = voted(two, "op_a", { state: "pending" });
    const second = voted(two, "op_b", { state: "pending", not_counted: gone });
    const third = voted(two, "op_c", { not_counted: gone });
    const log = [decided("call_1"), heldAction("call_1", "act_1", finance(2)), two, first, second, third];
    assert.deepEqual(await findingsOf(t, ...log), []);
    const early = await findingsOf(t, ...log.slice(0, 4), { ...second, state: "approved" });
    assert.deepEqual(
      early.map(({ reason }) => reason),
      ["wrong_outcome"],
    );
  });

  it("finds votes by operators who were removed, unless they were invited again", async (t) => {
    const removed = { ...leafSamples["operator.removed"], operator: "op_a" };
    const invited = { ...leafSamples["operator.invited"], operator: "op_a" };
    const log = async (...between: readonly LeafBody[]) => {
      const bench = trailBench(t);
      const trail = await bench.open();
      await record(trail, activated, ...opening, ...between);
      bench.clock.time += 61_000;
      await record(trail, voted(one, "op_a"));
      await trail.close();
      return told(await verify(bench.state));
    };
    assert.deepEqual(await log(removed, invited), []);
    assert.deepEqual(await log(removed), [
      { reason: "voted_after_removal", entry: 7, approval, operator: "op_a", removed: 6 },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, removed, voted(one, "op_a")), [], "they crossed");
  });

  it("lets views and refused votes be of an earlier revision or of what has ended, and of nothing unknown", async (t) => {
    const { digest } = one;
    const viewed = { ...leafSamples["approval.viewed"], approval, digest };
    const refused = { ...leafSamples["approval.vote_refused"], approval };
    const two = edited(one, one, "op_a");
    const both = [viewed, refused];
    const edit = [closed(one, "superseded"), two];
    assert.deepEqual(
      await findingsOf(t, ...opening, ...both, ...edit, ...both, closed(two, "revoked"), ...both),
      [],
    );
    assert.deepEqual(await findingsOf(t, ...both), [
      { reason: "approval_unknown", entry: 3, approval },
      { reason: "approval_unknown", entry: 4, approval },
    ]);
    assert.deepEqual(
      await findingsOf(t, ...opening, { ...viewed, digest: other }, { ...refused, revision: 2 }),
      [
        { reason: "other_digest", entry: 6, approval, expected: digest, found: other },
        { reason: "other_revision", entry: 7, approval, expected: 1, found: 2 },
      ],
    );
  });
});

describe("verifying how approvals end", () => {
  it("lets each end come from where it can, and finds it from elsewhere", async (t) => {
    const approved = voted(one, "op_a");
    const rejected = voted(one, "op_a", { decision: "reject", state: "rejected" });
    // Within what clocks may be apart, so that it may both be decided and have expired.
    const soon = asked(held, finance(), { expires: "2026-11-23T00:00:30.000Z" });
    const from = { pending: [], approved: [approved], rejected: [rejected] };
    for (const [state, ...legal] of [
      ["rejected", "rejected"],
      ["expired", "pending"],
      ["superseded", "pending"],
      ["cancelled", "pending", "approved"],
      ["revoked", "pending", "approved"],
      ["lapsed", "approved"],
      ["stale", "approved"],
    ] as const) {
      for (const [before, bodies] of Object.entries(from)) {
        const isLegal = legal.some((one) => one === before);
        const edit = state === "superseded" && isLegal ? [edited(one, one, "op_b")] : [];
        const end = { ...closed(one, state), actor: operator("op_a") };
        const found = await findingsOf(t, decided("call_1"), held, soon, ...bodies, end, ...edit);
        const wrong = found.filter(({ reason }) => reason === "other_state");
        assert.equal(wrong.length, isLegal ? 0 : 1, `${state} from ${before}`);
      }
    }
  });

  it("finds an end of another revision, a second one, and a rejection or edit that is told by half", async (t) => {
    assert.deepEqual(await findingsOf(t, ...opening, closed({ ...one, digest: other }, "revoked")), [
      { reason: "other_digest", entry: 6, approval, expected: one.digest, found: other },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, closed(one, "revoked"), closed(one, "revoked")), [
      {
        reason: "other_state",
        entry: 7,
        approval,
        expected: ["pending", "approved"],
        found: "revoked",
        since: 6,
      },
    ]);
    const rejected = voted(one, "op_a", { decision: "reject", state: "rejected" });
    assert.deepEqual(await findingsOf(t, ...opening, rejected, closed(one, "rejected")), []);
    assert.deepEqual(await findingsOf(t, ...opening, rejected), [
      { reason: "ending_incomplete", entry: 6, approval, state: "rejected" },
    ]);
    assert.deepEqual(await findingsOf(t, ...opening, closed(one, "superseded")), [
      { reason: "ending_incomplete", entry: 6, approval, state: "superseded" },
    ]);
  });

  it("finds edits of what was not superseded, that skip a revision, or that take a sign-off away", async (t) => {
    const superseded = closed(one, "superseded");
    const two = edited(one, one, "op_a");
    assert.deepEqual(await findingsOf(t, ...opening, superseded, two, voted(two, "op_b")), []);
    assert.deepEqual(await findingsOf(t, ...opening, two), [
      {
        reason: "other_state",
        entry: 6,
        approval,
        expected: ["superseded"],
        found: "pending",
        since: 5,
      },
    ]);
    const reasonsOf = async (changes: Partial<LeafBody<"approval.edited">>) =>
      (await findingsOf(t, ...opening, superseded, edited(one, one, "op_a", changes))).map(
        ({ reason }) => reason,
      );
    assert.deepEqual(await reasonsOf({ revision: 3 }), ["other_revision"]);
    assert.deepEqual(await reasonsOf({ previous: { revision: 1, digest: other } }), ["other_digest"]);
    assert.deepEqual(await reasonsOf({ digest: other }), ["other_digest"]);
    assert.deepEqual(await reasonsOf({ required: [{ name: "legal", quorum: 1 }] }), ["other_sign_offs"]);
    assert.deepEqual(await reasonsOf({ required: [...finance(2), { name: "legal", quorum: 1 }] }), []);
  });

  it("counts what was asked for, voted on and ended", async (t) => {
    const bench = trailBench(t);
    const trail = await bench.open();
    const calls = ["call_1", "call_2", "call_3"];
    for (const call of calls) {
      const action = heldAction(call, `act_of_${call}`);
      await record(trail, ...(call === "call_1" ? [activated] : []), decided(call), action, asked(action));
    }
    const [first, second, third] = calls.map((call) => asked(heldAction(call, `act_of_${call}`)));
    assert.ok(first && second && third);
    await record(trail, voted(first, "op_a", { decision: "reject", state: "rejected" }));
    await record(trail, closed(first, "rejected"), voted(second, "op_a"), closed(second, "lapsed"));
    await record(trail, { ...leafSamples["approval.vote_refused"], approval: third.approval });
    await trail.close();
    const report = await verify(bench.state);
    assert.deepEqual(told(report), []);
    assert.deepEqual(report.governance.approvals, {
      ...noApprovals,
      requested: 3,
      open: 1,
      votes: 2,
      votesRefused: 1,
      closed: { ...noApprovals.closed, rejected: 1, lapsed: 1 },
    });
  });
});
