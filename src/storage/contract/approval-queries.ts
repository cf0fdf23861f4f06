// The guarantees of ApprovalStore (approvals/approval-store.ts) about finding approvals, and holds that are due.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApprovalQuery, ApprovalRow, ListedRow } from "../../approvals/approval-store.ts";
import { approvalRow, changeOf, filed, holdRow, noCaps } from "./approval-samples.ts";
import { type OpenStorage, withStorage } from "./driver.ts";
import { entries } from "./samples.ts";

export function describeApprovalQueries(open: OpenStorage): void {
  describeLists(open);
  describeDueTimes(open);

  test("of the same thing in a conversation the states of its newest revisions are told, each once", () =>
    withStorage(open, async ({ approvals }, opened) => {
      const fields = { conversation: "c1", fingerprint: "f1" };
      assert.deepEqual(await approvals.statesOf("c1", "f1"), []);
      const { hold, approval } = await filed(approvals, {}, { ...fields, state: "rejected" });
      for (const state of ["rejected", "released"]) await filed(approvals, {}, { ...fields, state });
      await filed(approvals, {}, { ...fields, fingerprint: "f2", state: "expired" });
      await filed(approvals, {}, { ...fields, conversation: "c2", state: "cancelled" });
      assert.deepEqual((await approvals.statesOf("c1", "f1")).toSorted(), ["rejected", "released"]);
      const { hold: edited, approval: old } = await filed(approvals, {}, { ...fields, state: "superseded" });
      const second = { ...old, revision: 2, fingerprint: "f3", state: "approved" };
      await approvals.change(changeOf(edited, {}, { approvals: [second] }), entries(1));
      await approvals.change(
        changeOf(hold, {}, { approvals: [{ ...approval, state: "lapsed" }] }),
        entries(1),
      );
      const again = (await opened.reopen()).approvals;
      assert.deepEqual((await again.statesOf("c1", "f1")).toSorted(), ["lapsed", "rejected", "released"]);
      assert.deepEqual(await again.statesOf("c1", "f3"), ["approved"]);
    }));
}

function describeLists(open: OpenStorage): void {
  test("approvals are listed oldest first, by their states, from one on, in their newest revisions, without contents", () =>
    withStorage(open, async ({ approvals }, opened) => {
      const hold = holdRow();
      const states = ["pending", "released", "pending", "rejected", "pending", "released"];
      const rows = states.map((state) => approvalRow(hold, { state }));
      const [first, , third] = rows;
      assert.ok(first !== undefined && third !== undefined);
      await approvals.file(hold, rows.toReversed(), noCaps, entries(1));
      const third2 = { ...third, revision: 2, record: '{"v":2}' };
      // In whichever order they come, and the old one also says `pending`.
      const change = changeOf(hold, {}, { approvals: [third2, third] });
      await approvals.change(change, entries(1));
      const { approvals: again } = await opened.reopen();
      const newest = rows.map((row) => (row === third ? third2 : row));
      const listed = async (query: Partial<ApprovalQuery>) => again.list({ limit: 100, ...query });
      const inStates = (...of: readonly string[]) =>
        newest.filter(({ state }) => of.includes(state)).map(asListed);
      assert.deepEqual(await listed({}), newest.map(asListed));
      assert.deepEqual(await listed({ states: ["pending"] }), inStates("pending"));
      const two = ["released", "rejected", "released"];
      assert.deepEqual(await listed({ states: two }), inStates("released", "rejected"));
      assert.deepEqual(await listed({ states: [] }), []);
      assert.deepEqual(await listed({ states: ["superseded"] }), []);
      const { id: after } = third;
      assert.deepEqual(await listed({ after }), newest.slice(3).map(asListed));
      assert.deepEqual(
        await listed({ after, states: ["pending", "rejected"], limit: 1 }),
        inStates("rejected"),
      );
      assert.deepEqual(await listed({ states: ["pending"], limit: 2 }), inStates("pending").slice(0, 2));
      assert.deepEqual(await listed({ limit: 1 }), [asListed(first)]);
    }));

  test("an application's latest approvals are told newest first, from one on, in their newest revisions", () =>
    withStorage(open, async ({ approvals }, opened) => {
      const { approval: first } = await filed(approvals, {}, { state: "rejected" });
      const { hold, approval: edited } = await filed(approvals, {}, { state: "superseded" });
      await filed(approvals, { application: "other" }, { application: "other" });
      const { approval: last } = await filed(approvals, {}, { state: "released", record: '{"v":1}' });
      const second = { ...edited, revision: 2, state: "approved", record: '{"v":2}' };
      await approvals.change(changeOf(hold, {}, { approvals: [second] }), entries(1));
      const { approvals: again } = await opened.reopen();
      const summary = [last, second, first].map(({ state, record }) => ({ state, record }));
      assert.deepEqual(await again.recent("shop", { after: "", limit: 10 }), summary);
      assert.deepEqual(await again.recent("shop", { after: first.id, limit: 10 }), summary.slice(0, 2));
      assert.deepEqual(await again.recent("shop", { after: "", limit: 1 }), summary.slice(0, 1));
      assert.deepEqual(await again.recent("nobody", { after: "", limit: 10 }), []);
    }));

  test("a thousand approvals are listed at a time, and pages leave out none", () =>
    withStorage(open, async ({ approvals }) => {
      const hold = holdRow();
      const rows = Array.from({ length: 1_005 }, (_, at) =>
        approvalRow(hold, { state: at % 2 === 0 ? "pending" : "approved" }),
      );
      await approvals.file(hold, rows, noCaps, entries(1));
      for (const states of [undefined, ["approved", "pending"]]) {
        const query = states === undefined ? {} : { states };
        const page = await approvals.list({ ...query, limit: 5_000 });
        assert.equal(page.length, 1_000);
        const rest = await approvals.list({ ...query, limit: 5_000, after: page.at(-1)?.id ?? "" });
        assert.deepEqual(
          [...page, ...rest].map(({ id }) => id),
          rows.map(({ id }) => id),
        );
      }
    }));
}

function describeDueTimes(open: OpenStorage): void {
  test("holds are due when their time has come, the longest due first, until they are changed", () =>
    withStorage(open, async ({ approvals }, opened) => {
      const now = await approvals.now();
      await filed(approvals, { dueAt: now + 3_600_000 });
      await filed(approvals, { dueAt: null });
      const { hold: second } = await filed(approvals, { dueAt: now });
      const { hold: first } = await filed(approvals, { dueAt: now - 5 });
      const { approvals: again, log } = await opened.reopen();
      await log.takeOver("inst_2");
      assert.deepEqual(await again.due(10), [first.id, second.id]);
      assert.deepEqual(await again.due(1), [first.id]);
      await again.change(changeOf(first, { dueAt: null }), entries(1));
      assert.deepEqual(await again.due(10), [second.id]);
      await again.change(changeOf(second, { dueAt: now + 7_200_000 }), entries(1));
      assert.deepEqual(await again.due(10), []);
    }));
}

function asListed(row: ApprovalRow): ListedRow {
  const { id, revision, hold, state, user, application, conversation, fingerprint, createdAt, record } = row;
  return { id, revision, hold, state, user, application, conversation, fingerprint, createdAt, record };
}
