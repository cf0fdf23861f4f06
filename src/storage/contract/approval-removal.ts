// The guarantees of ApprovalStore (approvals/approval-store.ts) about removing: what is over for long enough goes whole, and
// nothing else does.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { FencedError } from "../../audit/log-store.ts";
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
import { entries } from "./samples.ts";

const hour = 3_600_000;

export function describeApprovalRemoval(open: OpenStorage): void {
  test("holds that have been over for so long are removed whole, and their entries stay", () =>
    withStorage(open, async ({ approvals }, opened) => {
      const hold = holdRow({ overAt: (await approvals.now()) - hour });
      const [edited, other] = [approvalRow(hold, { state: "superseded" }), approvalRow(hold)];
      const recorded = entries(3);
      await approvals.file(hold, [edited, other], noCaps, recorded.slice(0, 2));
      const second = { ...edited, revision: 2, state: "rejected" };
      await approvals.change(changeOf(hold, {}, { approvals: [second] }), recorded.slice(2));
      assert.equal(await approvals.removeOver(2 * hour), 0);
      assert.equal((await approvals.hold(hold.id))?.approvals.length, 3);
      assert.equal(await approvals.removeOver(hour), 1);
      assert.equal(await approvals.removeOver(hour), 0);
      const again = await opened.reopen();
      assert.equal(await again.approvals.hold(hold.id), null);
      assert.equal(await again.approvals.holdOfApproval(edited.id), null);
      assert.equal(await again.approvals.holdByAttachKey(hold.attachKey), null);
      assert.deepEqual(await again.approvals.list({ limit: 10 }), []);
      assert.deepEqual(await again.approvals.statesOf("c0", "f0"), []);
      await assertLogHolds(again.log, recorded);
    }));

  test("nothing is removed that is not over, or not for so long", () =>
    withStorage(open, async ({ approvals }) => {
      const now = await approvals.now();
      const left = [];
      for (const [overAt, dueAt] of [
        [null, null],
        [null, now - 9 * hour],
        [now - hour, null],
        [now + hour, null],
      ] as const)
        left.push(await filed(approvals, { overAt, dueAt, createdAt: 1 }, { state: "released" }));
      // Over it was, and something has become of it again.
      const { hold: over, approval } = await filed(approvals, { overAt: now - 9 * hour });
      const reopened = changeOf(over, { overAt: null });
      assert.equal(await approvals.change(reopened, entries(1)), "changed");
      left.push({ hold: reopened.hold, approval });
      const { hold: gone } = await filed(approvals, { overAt: now - 3 * hour });
      assert.equal(await approvals.removeOver(2 * hour), 1);
      assert.equal(await approvals.hold(gone.id), null);
      for (const { hold, approval: one } of left)
        assert.deepEqual(comparable(await approvals.hold(hold.id)), comparable({ hold, approvals: [one] }));
    }));

  test("one removal is short: the longest over first, and large ones few at a time", () =>
    withStorage(open, async ({ approvals }) => {
      const now = await approvals.now();
      const large = (overAt: number) => filed(approvals, { overAt, content: randomBytes(3 * 1024 * 1024) });
      const [second, first] = [await large(now - 2 * hour), await large(now - 3 * hour)];
      const sealed = { content: randomBytes(5 * 1024 * 1024) };
      const third = await filed(approvals, { overAt: now - hour }, sealed);
      const small = [];
      for (let at = 0; at < 60; at += 1) small.push(await filed(approvals, { overAt: now - hour + 1 + at }));
      const there = async () => {
        const found = await Promise.all([first, second, third].map(({ hold }) => approvals.hold(hold.id)));
        return found.map((kept) => kept !== null);
      };
      assert.equal(await approvals.removeOver(0), 1);
      assert.deepEqual(await there(), [false, true, true]);
      assert.equal(await approvals.removeOver(0), 1);
      assert.deepEqual(await there(), [false, false, true]);
      assert.equal(await approvals.removeOver(0), 1);
      assert.deepEqual(await there(), [false, false, false]);
      assert.equal(await approvals.removeOver(0), 50);
      assert.equal(await approvals.hold(small[49]?.hold.id ?? ""), null);
      assert.notEqual(await approvals.hold(small[50]?.hold.id ?? ""), null);
      assert.deepEqual([await approvals.removeOver(0), await approvals.removeOver(0)], [10, 0]);
    }));

  test("of a change and a removal that race one comes first, and no approval is left without its hold", () =>
    withStorage(open, async (stores, opened) => {
      const writers = await writersOf(stores, opened);
      const overAt = (await stores.approvals.now()) - hour;
      for (let round = 0; round < 40; round += 1) {
        const { hold, approval } = await filed(stores.approvals, { overAt });
        const change = changeOf(hold, { overAt: null }, { approvals: [approval, approvalRow(hold)] });
        const attempts = [
          () => turnOf(writers, 0).approvals.change(change, []),
          () => turnOf(writers, 1).approvals.removeOver(0),
        ];
        const inTurn = round % 2 === 0 ? attempts : attempts.toReversed();
        const done = await Promise.all(inTurn.map((attempt) => attempt()));
        const outcome = done.includes("changed") ? "changed" : "removed";
        assert.deepEqual(new Set(done), new Set(outcome === "changed" ? [0, "changed"] : [1, "raced"]));
        const kept = await stores.approvals.hold(hold.id);
        assert.equal(kept?.approvals.length, outcome === "changed" ? 2 : undefined);
        const listed = (await stores.approvals.list({ limit: 1_000 })).filter((one) => one.hold === hold.id);
        assert.equal(listed.length, outcome === "changed" ? 2 : 0);
      }
    }));

  test("each is removed once, however many gateways look for it", () =>
    withStorage(open, async (stores, opened) => {
      const writers = await writersOf(stores, opened);
      const overAt = (await stores.approvals.now()) - hour;
      await Promise.all(Array.from({ length: 120 }, () => filed(stores.approvals, { overAt })));
      const removed = await Promise.all(
        Array.from({ length: 9 }, (_, at) => turnOf(writers, at).approvals.removeOver(hour)),
      );
      assert.equal(
        removed.reduce((sum, count) => sum + count, 0),
        120,
      );
      assert.deepEqual(await stores.approvals.list({ limit: 10 }), []);
    }));

  test("a gateway that was taken over from removes nothing", () =>
    withStorage(open, async ({ approvals }, opened) => {
      const { hold } = await filed(approvals, { overAt: 1 });
      const rival = await opened.rival();
      await opened.replace(rival, "inst_2");
      await assert.rejects(approvals.removeOver(0), FencedError);
      assert.notEqual(await rival.approvals.hold(hold.id), null);
    }));
}
