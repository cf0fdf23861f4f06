import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SecretValue } from "../core/secret-value.ts";
import { sampleApproval, sampleHold, sampleVote } from "./approval-samples.test-support.ts";
import { approvalStates, isFinal } from "./approval-states.ts";
import type { ApprovalRow, HoldRow, KeptHold } from "./approval-store.ts";
import { holdOf, keptHoldOf } from "./kept-hold.ts";

const key = new SecretValue(Buffer.alloc(32, 1));
const hold = sampleHold({
  approvals: [
    sampleApproval({ state: "superseded", decided_at: 1_500 }),
    sampleApproval({ revision: 2, votes: [sampleVote()], editors: ["sub_cleo"] }),
    sampleApproval({ id: "apr_2", position: 1, user: null }),
  ],
});
const kept = keptHoldOf(hold, key);

const withHold = (change: Partial<HoldRow>): KeptHold => ({ ...kept, hold: { ...kept.hold, ...change } });
const withApproval = (at: number, change: Partial<ApprovalRow>): KeptHold => ({
  ...kept,
  approvals: kept.approvals.map((row, position) => (position === at ? { ...row, ...change } : row)),
});

/** The same record with another value of one member. */
const reworded = (record: string, change: object): string =>
  JSON.stringify({ ...JSON.parse(record), ...change });

describe("a hold that is kept", () => {
  test("comes back as it was", () => {
    assert.deepEqual(holdOf(kept, key), hold);
  });

  test("comes back in whatever order its approvals are read", () => {
    const reversed = holdOf({ ...kept, approvals: kept.approvals.toReversed() }, key);
    assert.deepEqual(reversed?.approvals.toReversed(), hold.approvals);
  });

  test("is nobody's when any column of it was changed", () => {
    const changes: Readonly<Record<keyof HoldRow, HoldRow[keyof HoldRow]>> = {
      id: "hold_2",
      version: 2,
      call: "call_2",
      application: "other",
      attachKey: "a1",
      createdAt: 1_001,
      dueAt: null,
      overAt: 1_999,
      record: reworded(kept.hold.record, { usable_until: 9_999 }),
      mac: "0".repeat(64),
      content: new Uint8Array([4, 5, 7]),
    };
    assert.deepEqual(Object.keys(changes).sort(), Object.keys(kept.hold).sort());
    for (const [column, value] of Object.entries(changes)) {
      assert.equal(holdOf(withHold({ [column]: value }), key), null, column);
    }
  });

  test("is nobody's when any column of an approval was changed, of an earlier revision too", () => {
    const changes: Readonly<Record<keyof ApprovalRow, ApprovalRow[keyof ApprovalRow]>> = {
      id: "apr_3",
      revision: 3,
      hold: "hold_2",
      state: "approved",
      user: "sub_other",
      application: "other",
      conversation: "c1",
      fingerprint: "f1",
      createdAt: 1_001,
      record: reworded(kept.approvals[1]?.record ?? "", { votes: [] }),
      content: new Uint8Array(),
    };
    for (const [at, row] of kept.approvals.entries()) {
      assert.deepEqual(Object.keys(changes).sort(), Object.keys(row).sort());
      for (const [column, value] of Object.entries(changes)) {
        assert.equal(holdOf(withApproval(at, { [column]: value }), key), null, `${at} ${column}`);
      }
    }
  });

  test("is nobody's when any member of a record was changed", () => {
    for (const [at, { record }] of kept.approvals.entries()) {
      for (const name of Object.keys(JSON.parse(record))) {
        const changed = withApproval(at, { record: reworded(record, { [name]: "changed" }) });
        assert.equal(holdOf(changed, key), null, name);
      }
    }
    for (const name of Object.keys(JSON.parse(kept.hold.record))) {
      const changed = withHold({ record: reworded(kept.hold.record, { [name]: "changed" }) });
      assert.equal(holdOf(changed, key), null, name);
    }
  });

  test("is nobody's with an approval less, one twice, or another's", () => {
    const [first, ...others] = kept.approvals;
    assert.ok(first);
    assert.equal(holdOf({ ...kept, approvals: others }, key), null);
    assert.equal(holdOf({ ...kept, approvals: [first, ...kept.approvals] }, key), null);
    const foreign = keptHoldOf(sampleHold({ id: "hold_2" }), key).approvals;
    assert.equal(holdOf({ ...kept, approvals: [...kept.approvals, ...foreign] }, key), null);
  });

  test("is nobody's under another key", () => {
    assert.equal(holdOf(kept, new SecretValue(Buffer.alloc(32, 2))), null);
  });

  test("is not mistaken for one whose text runs on from one column into the next", () => {
    const one = keptHoldOf(sampleHold({ call: "ab", application: "c" }), key);
    const other = keptHoldOf(sampleHold({ call: "a", application: "bc" }), key);
    assert.notEqual(one.hold.mac, other.hold.mac);
  });
});

describe("what is over", () => {
  const over = (changes: Parameters<typeof sampleHold>[0]): number | null =>
    keptHoldOf(sampleHold(changes), key).hold.overAt;
  const rejected = sampleApproval({ state: "rejected", decided_at: 1_100 });

  test("is so once a retry finds it no more, and never while something can become of it", () => {
    assert.equal(over({ approvals: [rejected] }), 1_600);
    const released = sampleApproval({ id: "apr_2", state: "released", decided_at: 1_300 });
    assert.equal(over({ approvals: [rejected, released] }), 1_800);
    assert.equal(over({ approvals: [rejected, released], usable_until: 1_750 }), 1_750);
    for (const state of approvalStates.filter((one) => !isFinal(one))) {
      const open = sampleApproval({ id: "apr_2", state });
      assert.equal(over({ approvals: [rejected, open], usable_until: 1_750 }), null, state);
    }
  });
});

describe("what is due", () => {
  const due = (changes: Parameters<typeof sampleHold>[0]): number | null =>
    keptHoldOf(sampleHold(changes), key).hold.dueAt;

  test("is the first approval that waits, and then the use of what was approved", () => {
    const [one, other] = [sampleApproval(), sampleApproval({ id: "apr_2", expires_at: 1_700 })];
    assert.equal(due({ approvals: [one, other] }), 1_700);
    const approved = sampleApproval({ id: "apr_2", state: "approved", decided_at: 1_100 });
    assert.equal(due({ approvals: [one, approved] }), 2_000);
    assert.equal(due({ approvals: [approved], usable_until: 1_600 }), 1_600);
  });

  test("is nothing once nothing can become of it, and no earlier revision", () => {
    const over = sampleApproval({ state: "released", decided_at: 1_100 });
    assert.equal(due({ approvals: [over], usable_until: 1_600 }), null);
    const before = sampleApproval({ state: "superseded", expires_at: 1_001 });
    assert.equal(due({ approvals: [before, sampleApproval({ revision: 2 })] }), 2_000);
  });
});
