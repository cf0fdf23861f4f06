// The guarantees of ApprovalStore (approvals/approval-store.ts) about changes: one of those that race, in its time, under
// its policies, and with its entries.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { ChangeOutcome, HoldChange } from "../../approvals/approval-store.ts";
import type { EncodedEntry } from "../../core/entry.ts";
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
import { entries, entry, hex } from "./samples.ts";

export function describeApprovalChanges(open: OpenStorage): void {
  describeChanging(open);
  describeConditions(open);
  describeRaces(open);
}

function describeChanging(open: OpenStorage): void {
  test("a change is kept with its entries: rows that are new, rows that are other, and the rest as it was", () =>
    withStorage(open, async ({ approvals, log }, opened) => {
      const hold = holdRow({ dueAt: 5 });
      const [edited, voted, left] = [approvalRow(hold), approvalRow(hold), approvalRow(hold)];
      const recorded = entries(4);
      await approvals.file(hold, [edited, voted, left], noCaps, recorded.slice(0, 1));
      const superseded = { ...edited, state: "superseded", record: '{"by":2}' };
      const second = { ...edited, revision: 2, fingerprint: "f2", content: randomBytes(1_048_576) };
      const approved = { ...voted, state: "approved", user: null, content: randomBytes(10) };
      const first = changeOf(
        hold,
        { dueAt: null, attachKey: "ff", record: '{"v":2}', content: randomBytes(1_048_576) },
        { approvals: [second, approved, superseded] },
      );
      assert.equal(await approvals.change(first, recorded.slice(1, 3)), "changed");
      const after = changeOf(first.hold, { dueAt: 9, mac: "m3" });
      assert.equal(await approvals.change(after, recorded.slice(3)), "changed");
      await assertLogHolds(log, recorded);
      const again = (await opened.reopen()).approvals;
      const kept = comparable({ hold: after.hold, approvals: [superseded, second, approved, left] });
      assert.deepEqual(comparable(await again.hold(hold.id)), kept);
      assert.deepEqual(comparable(await again.holdByAttachKey("ff")), kept);
      assert.equal(await again.holdByAttachKey(hold.attachKey), null);
      assert.deepEqual(comparable(await again.holdOfApproval(edited.id)), kept);
    }));

  test("a hold is changed as it was read, or not at all", () =>
    withStorage(open, async ({ approvals, log }) => {
      const { hold, approval } = await filed(approvals);
      const voted = { approvals: [{ ...approval, state: "approved" }] };
      const second = changeOf(hold, { record: '{"v":2}' });
      assert.equal(await approvals.change(second, entries(1)), "changed");
      for (const stale of [
        changeOf(hold, { record: '{"v":"2b"}' }, voted),
        changeOf(hold, { version: 1 }, voted),
        changeOf(hold, { version: 4 }, voted),
        changeOf({ ...hold, id: "hold_0" }, {}),
      ])
        assert.equal(await approvals.change(stale, entries(1)), "raced");
      assert.deepEqual(
        comparable(await approvals.hold(hold.id)),
        comparable({ hold: second.hold, approvals: [approval] }),
      );
      assert.equal(await approvals.hold("hold_0"), null);
      assert.equal((await log.head()).size, 2);
    }));

  test("an approval changes with its own hold alone", () =>
    withStorage(open, async ({ approvals, log }) => {
      const { hold } = await filed(approvals);
      const { hold: other, approval: theirs } = await filed(approvals);
      for (const stray of [
        theirs,
        { ...theirs, hold: hold.id },
        { ...theirs, hold: hold.id, revision: 2 },
        { ...theirs, hold: hold.id, revision: 0 },
      ])
        await assert.rejects(
          approvals.change(changeOf(hold, {}, { approvals: [stray] }), entries(1)),
          TypeError,
        );
      assert.equal((await approvals.hold(hold.id))?.hold.version, 1);
      assert.deepEqual(
        comparable(await approvals.hold(other.id)),
        comparable({ hold: other, approvals: [theirs] }),
      );
      assert.equal((await log.head()).size, 2);
    }));

  test("an entry that cannot be recorded leaves everything as it was", () =>
    withStorage(open, async ({ approvals, log }) => {
      const recorded = entry();
      const hold = holdRow();
      const row = approvalRow(hold);
      await approvals.file(hold, [row], noCaps, [recorded]);
      const change = changeOf(hold, { dueAt: 1 }, { approvals: [{ ...row, state: "approved" }] });
      for (const bad of [recorded, { ...entry(), id: "no id" }])
        await assert.rejects(approvals.change(change, [entry(), bad]));
      assert.deepEqual(comparable(await approvals.hold(hold.id)), comparable({ hold, approvals: [row] }));
      await assertLogHolds(log, [recorded]);
      assert.equal(await approvals.change(change, entries(1)), "changed");
    }));
}

function describeConditions(open: OpenStorage): void {
  test("a change is made in its time: at its beginning, and no more at its end", () =>
    withStorage(open, async ({ approvals, log }) => {
      const minute = 60_000;
      let { hold } = await filed(approvals);
      let made = 1;
      const attempt = async (rest: Partial<HoldChange>, expected: ChangeOutcome) => {
        const change = changeOf(hold, {}, rest);
        assert.equal(await approvals.change(change, entries(1)), expected);
        if (expected === "changed") {
          hold = change.hold;
          made += 1;
        }
        assert.equal((await approvals.hold(hold.id))?.hold.version, hold.version);
        assert.equal((await log.head()).size, made);
      };
      const now = await approvals.now();
      await attempt({ from: now }, "changed");
      await attempt({ from: now + minute }, "too_early");
      await attempt({ until: now }, "too_late");
      await attempt({ until: now + minute }, "changed");
      await attempt({ from: now - minute, until: now + minute }, "changed");
      await attempt({ from: now - minute, until: now }, "too_late");
      await attempt({ from: now + minute, until: now + 2 * minute }, "too_early");
      const raced = changeOf(hold, { version: 2 }, { from: now + minute, revision: "none" });
      assert.equal(await approvals.change(raced, entries(1)), "raced", "that comes first");
    }));

  test("a change is made while its policies are the active ones", () =>
    withStorage(open, async ({ approvals, revisions, log }) => {
      const { hold } = await filed(approvals);
      const under = (revision: string) => approvals.change(changeOf(hold, {}, { revision }), entries(1));
      assert.equal(await under("aa"), "policy_changed", "there are none yet");
      for (const revision of ["aa", "bb"])
        await revisions.activate({ revision, content: "{}", activatedAt: 1 }, entry());
      assert.equal(await under("aa"), "policy_changed");
      assert.equal((await approvals.hold(hold.id))?.hold.version, 1);
      assert.equal((await log.head()).size, 3);
      assert.equal(await under("bb"), "changed");
    }));

  test("a change and an activation that race for the policies come in an order in which each is right", () =>
    withStorage(open, async (stores, opened) => {
      const other = turnOf(await writersOf(stores, opened), 1);
      const activate = (round: number, recorded: EncodedEntry) =>
        other.revisions.activate({ revision: `r${round}`, content: "{}", activatedAt: 1 }, recorded);
      await activate(0, entry());
      for (let round = 0; round < 10; round += 1) {
        const { hold } = await filed(stores.approvals);
        const { size } = await stores.log.head();
        const [released, activated] = [entry(), entry()];
        const [outcome] = await Promise.all([
          stores.approvals.change(changeOf(hold, {}, { revision: `r${round}` }), [released]),
          activate(round + 1, activated),
        ]);
        assert.deepEqual(
          (await stores.log.read(size, size + 5)).map(({ leaf }) => hex(leaf)),
          (outcome === "changed" ? [released, activated] : [activated]).map(({ leaf }) => hex(leaf)),
          outcome,
        );
      }
    }));
}

function describeRaces(open: OpenStorage): void {
  test("of many that change a hold at once exactly one does, whichever gateway it is", () =>
    withStorage(open, async (stores, opened) => {
      const writers = await writersOf(stores, opened);
      const { hold, approval } = await filed(stores.approvals);
      const attempts = Array.from({ length: 50 }, (_, at) => {
        const state = `state ${at}`;
        const rows = [{ ...approval, state }, approvalRow(hold, { state })];
        return {
          change: changeOf(hold, { record: `{"at":${at}}` }, { approvals: rows }),
          recorded: entries(2),
        };
      });
      const outcomes = await Promise.all(
        attempts.map(({ change, recorded }, at) => turnOf(writers, at).approvals.change(change, recorded)),
      );
      const winners = attempts.filter((_, at) => outcomes[at] === "changed");
      assert.equal(winners.length, 1);
      assert.equal(outcomes.filter((outcome) => outcome === "raced").length, 49);
      const [winner] = winners;
      assert.ok(winner !== undefined);
      const { hold: kept, approvals } = winner.change;
      for (const { approvals: store } of writers)
        assert.deepEqual(comparable(await store.hold(hold.id)), comparable({ hold: kept, approvals }));
      assert.equal((await stores.log.head()).size, 3);
      for (const { id } of winner.recorded) assert.notEqual(await stores.log.byId(id), null);
    }));

  test("a hold is read as it was at one moment, whoever changes it meanwhile", () =>
    withStorage(open, async (stores, opened) => {
      const writers = await writersOf(stores, opened);
      const reader = turnOf(writers, 1).approvals;
      const hold = holdRow({ record: "1" });
      const rows = Array.from({ length: 5 }, () => approvalRow(hold, { record: "1" }));
      await stores.approvals.file(hold, rows, noCaps, entries(1));
      let [changing, torn, moments] = [true, 0, new Set<string>()];
      const reading = (async () => {
        while (changing) {
          const kept = await reader.hold(hold.id);
          const versions = new Set([kept?.hold.record, ...(kept?.approvals ?? []).map((row) => row.record)]);
          if (versions.size !== 1) torn += 1;
          moments.add([...versions].join());
          await new Promise(setImmediate);
        }
      })();
      for (let version = 2; version <= 200; version += 1) {
        const record = String(version);
        const change = {
          hold: { ...hold, version, record },
          approvals: rows.map((row) => ({ ...row, record })),
        };
        const outcome = await stores.approvals.change({ ...changeOf(hold), ...change }, entries(1));
        assert.equal(outcome, "changed");
      }
      changing = false;
      await reading;
      assert.equal(torn, 0);
      assert.ok(moments.size > 1, "some were read while it changed");
    }));
}
