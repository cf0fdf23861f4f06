// The guarantees of ApprovalStore (approvals/approval-store.ts) about filing: what is filed is there whole, with its
// entries, and within its caps.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { FencedError } from "../../audit/log-store.ts";
import { describeApprovalChanges } from "./approval-changes.ts";
import { describeApprovalQueries } from "./approval-queries.ts";
import { describeApprovalRemoval } from "./approval-removal.ts";
import {
  approvalRow,
  changeOf,
  comparable,
  filed,
  holdRow,
  noCaps,
  turnOf,
  writersOf,
} from "./approval-samples.ts";
import { assertLogHolds, type OpenStorage, withStorage } from "./driver.ts";
import { entries, entry } from "./samples.ts";

export function describeApprovalContract(open: OpenStorage): void {
  describe("holds and approvals", () => {
    describeFiling(open);
    describeCaps(open);
    describeApprovalChanges(open);
    describeApprovalQueries(open);
    describeApprovalRemoval(open);
    describeFence(open);
  });
}

function describeFiling(open: OpenStorage): void {
  test("a hold is found as it was filed, with its entries, also after a restart", () =>
    withStorage(open, async ({ approvals, log }, opened) => {
      const hold = holdRow({ dueAt: 7, record: '{"é":"\u{1f600}\\u0000"}', content: randomBytes(1_048_576) });
      const rows = [
        approvalRow(hold, { user: null, record: '{"a":1}' }),
        approvalRow(hold, { state: "approved", content: randomBytes(1_048_576) }),
        approvalRow(hold, { content: new Uint8Array(0) }),
      ];
      const recorded = [entry("decided", "sub_1"), ...entries(3)];
      assert.equal(await approvals.file(hold, rows.toReversed(), noCaps, recorded), "filed");
      await assertLogHolds(log, recorded);
      const kept = comparable({ hold, approvals: rows });
      const again = (await opened.reopen()).approvals;
      assert.deepEqual(comparable(await again.hold(hold.id)), kept);
      for (const { id } of rows) assert.deepEqual(comparable(await again.holdOfApproval(id)), kept);
      assert.deepEqual(comparable(await again.holdByAttachKey(hold.attachKey)), kept);
    }));

  test("what was never filed is not found", () =>
    withStorage(open, async ({ approvals }) => {
      const { hold, approval } = await filed(approvals);
      assert.equal(await approvals.hold(approval.id), null);
      assert.equal(await approvals.holdOfApproval(hold.id), null);
      assert.equal(await approvals.holdByAttachKey(""), null);
    }));

  test("of holds with one attach key the newest is found", () =>
    withStorage(open, async ({ approvals }) => {
      const attachKey = "ab";
      const found = async () => (await approvals.holdByAttachKey(attachKey))?.hold.id;
      const [second, first] = [holdRow({ attachKey, createdAt: 5 }), holdRow({ attachKey, createdAt: 5 })];
      await approvals.file(first, [approvalRow(first)], noCaps, entries(1));
      await approvals.file(second, [approvalRow(second)], noCaps, entries(1));
      assert.equal(await found(), first.id, "of one time that with the higher id");
      const { hold: newest } = await filed(approvals, { attachKey, createdAt: 6, id: "hold_0" });
      await filed(approvals, { attachKey, createdAt: 4 });
      await filed(approvals, { attachKey: "abc", createdAt: 9 });
      assert.equal(await found(), newest.id);
    }));

  test("no hold is filed twice, nor an approval with another hold, and then nothing is on record", () =>
    withStorage(open, async ({ approvals, log }) => {
      const hold = holdRow();
      const approval = approvalRow(hold);
      const recorded = entry();
      await approvals.file(hold, [approval], noCaps, [recorded]);
      const other = holdRow();
      const stolen = approvalRow(other, { id: approval.id });
      await assert.rejects(approvals.file(hold, [approvalRow(hold)], noCaps, entries(1)));
      await assert.rejects(approvals.file(other, [approvalRow(other), stolen], noCaps, entries(1)));
      assert.deepEqual(
        comparable(await approvals.hold(hold.id)),
        comparable({ hold, approvals: [approval] }),
      );
      assert.equal(await approvals.hold(other.id), null);
      await assertLogHolds(log, [recorded]);
    }));

  test("what is not the beginning of a hold is not filed", () =>
    withStorage(open, async ({ approvals, log }) => {
      const hold = holdRow();
      const approval = approvalRow(hold);
      for (const [odd, rows] of [
        [hold, []],
        [{ ...hold, version: 2 }, [approval]],
        [hold, [{ ...approval, revision: 2 }]],
        [hold, [approval, approvalRow(holdRow())]],
        [hold, [approval, approval]],
      ] as const)
        await assert.rejects(approvals.file(odd, rows, noCaps, entries(1)), TypeError);
      assert.equal(await approvals.hold(hold.id), null);
      await assertLogHolds(log, []);
    }));

  test("an entry that cannot be recorded takes its hold with it, and no other", () =>
    withStorage(open, async ({ approvals, log }) => {
      const [first] = entries(1);
      assert.ok(first !== undefined);
      await log.append([first]);
      const holds = [holdRow(), holdRow(), holdRow()];
      const good = entry();
      const recorded = [[entry(), { ...entry(), id: "no id" }], [good], [entry(), first]];
      const settled = await Promise.allSettled(
        holds.map((hold, at) => approvals.file(hold, [approvalRow(hold)], noCaps, recorded[at] ?? [])),
      );
      assert.deepEqual(
        settled.map(({ status }) => status),
        ["rejected", "fulfilled", "rejected"],
      );
      const found = await Promise.all(holds.map(({ id }) => approvals.hold(id)));
      assert.deepEqual(
        found.map((kept) => kept?.hold.id),
        [undefined, holds[1]?.id, undefined],
      );
      await assertLogHolds(log, [first, good]);
    }));
}

function describeCaps(open: OpenStorage): void {
  test("an application and each of its users have as much pending as they may, and no more", () =>
    withStorage(open, async ({ approvals, log }) => {
      const caps = { perApplication: 6, perUser: 2 };
      const fileFor = async (...users: readonly (string | null)[]) => {
        const hold = holdRow();
        const rows = users.map((user) => approvalRow(hold, { user }));
        const outcome = await approvals.file(hold, rows, caps, entries(1));
        assert.equal((await approvals.hold(hold.id)) !== null, outcome === "filed");
        return outcome;
      };
      assert.equal(await fileFor("ana", "ana", "ana"), "full", "a user's cap");
      assert.equal(await fileFor("ana"), "filed");
      assert.equal(await fileFor("ana", "ben", "ana"), "full", "one of two users' cap");
      assert.equal(await fileFor("ana", "ben"), "filed");
      assert.equal(await fileFor("ben"), "filed", "what other users have is not his");
      assert.equal(await fileFor("ben"), "full");
      assert.equal(await fileFor(null, null, null), "full", "an application's cap, whoever the user");
      assert.equal(await fileFor(null, null), "filed");
      assert.equal(await fileFor("eve"), "full");
      const elsewhere = holdRow({ application: "desk" });
      const [one, two] = [approvalRow(elsewhere, { user: "ana" }), approvalRow(elsewhere, { user: "ana" })];
      assert.equal(await approvals.file(elsewhere, [one, two], caps, entries(1)), "filed");
      assert.equal((await log.head()).size, 5);
    }));

  test("what waits no longer, and a revision that has another in its place, takes no room", () =>
    withStorage(open, async ({ approvals }) => {
      const caps = { perApplication: 1, perUser: 1 };
      const hold = holdRow();
      const row = approvalRow(hold);
      const file = async (state: string) => {
        const another = holdRow();
        return approvals.file(another, [approvalRow(another, { state })], caps, entries(1));
      };
      assert.equal(await approvals.file(hold, [row], caps, entries(1)), "filed");
      assert.deepEqual([await file("pending"), await file("approved")], ["full", "filed"]);
      // That the old one still says `pending` does not matter.
      const edited = changeOf(hold, {}, { approvals: [{ ...row, revision: 2, state: "approved" }] });
      assert.equal(await approvals.change(edited, entries(1)), "changed");
      assert.deepEqual([await file("pending"), await file("pending")], ["filed", "full"]);
    }));

  test("of many that are filed at once exactly as many are as may be, whichever gateway files them", () =>
    withStorage(open, async (stores, opened) => {
      const writers = await writersOf(stores, opened);
      const caps = { perApplication: 20, perUser: 7 };
      const users = ["ana", "ben", "eve", null];
      const outcomes = await Promise.all(
        Array.from({ length: 60 }, (_, at) => {
          const hold = holdRow();
          const row = approvalRow(hold, { user: users[at % users.length] ?? null });
          return turnOf(writers, at).approvals.file(hold, [row], caps, entries(1));
        }),
      );
      const pending = await stores.approvals.list({ states: ["pending"], limit: 100 });
      assert.equal(pending.length, 20);
      for (const user of users.slice(0, 3))
        assert.ok(pending.filter((one) => one.user === user).length <= 7, `${user}`);
      assert.equal(outcomes.filter((outcome) => outcome === "filed").length, 20);
      assert.equal((await stores.log.head()).size, 20, "what is not filed is not on record");
    }));
}

function describeFence(open: OpenStorage): void {
  test("a gateway that was taken over from files and changes nothing, and what it filed lives on", () =>
    withStorage(open, async ({ approvals, log }, opened) => {
      const recorded = entry();
      const hold = holdRow();
      const row = approvalRow(hold);
      await approvals.file(hold, [row], noCaps, [recorded]);
      const rival = await opened.rival();
      await opened.replace(rival, "inst_2");
      const late = holdRow();
      await assert.rejects(approvals.file(late, [approvalRow(late)], noCaps, entries(1)), FencedError);
      const approved = changeOf(hold, {}, { approvals: [{ ...row, state: "approved" }] });
      await assert.rejects(approvals.change(approved, entries(1)), FencedError);
      assert.equal(await rival.approvals.hold(late.id), null);
      const kept = comparable({ hold, approvals: [row] });
      assert.deepEqual(comparable(await rival.approvals.hold(hold.id)), kept);
      await assertLogHolds(log, [recorded]);
      assert.equal(await rival.approvals.change(approved, entries(1)), "changed");
      assert.equal((await approvals.holdOfApproval(row.id))?.approvals[0]?.state, "approved");
    }));
}
