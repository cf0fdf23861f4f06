import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newId } from "../core/id.ts";
import { SecretValue } from "../core/secret-value.ts";
import { noCaps } from "../storage/contract/approval-samples.ts";
import { entries, entry } from "../storage/contract/samples.ts";
import {
  skipWithoutPostgres,
  startCluster,
  type TestCluster,
} from "../storage/postgres/cluster.test-support.ts";
import { openOn } from "../storage/postgres/storage.test-support.ts";
import type { Hold } from "./approval.ts";
import { sampleApproval, sampleHold } from "./approval-samples.test-support.ts";
import type { ApprovalStore } from "./approval-store.ts";
import { ApprovalDesk } from "./desk.ts";
import { Holds } from "./holds.ts";

const unasked = () => assert.fail("nothing is decided here");
const faults = { damaged: unasked, failed: (what: string) => assert.fail(what) };

function holdsOf(store: ApprovalStore): Holds {
  const vault = { seal: unasked, open: unasked };
  return new Holds({ store, macKey: new SecretValue(Buffer.alloc(32, 1)), vault, faults });
}

/** A desk at which clients wait, and what it asks its store. */
function waitingDesk(store: ApprovalStore) {
  const asked: string[] = [];
  const counting = new Proxy(store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...values: unknown[]): unknown => {
        asked.push(String(key));
        return Reflect.apply(value, target, values);
      };
    },
  });
  const desk = new ApprovalDesk({
    holds: holdsOf(counting),
    entries: {
      ...{ operatorId: unasked, requested: unasked, edited: unasked, viewed: unasked, voted: unasked },
      ...{ voteRefused: unasked, closed: unasked, released: unasked },
    },
    rules: {
      caps: noCaps,
      keepDecidedMs: null,
      ...{ terms: unasked, isApprover: unasked, stands: unasked, mayVote: unasked, mayApprove: unasked },
      describeEdit: unasked,
    },
    fingerprintKey: new SecretValue(Buffer.alloc(32, 2)),
    instance: "inst_2",
    hasEnded: async () => false,
    nameOf: unasked,
    record: unasked,
    faults,
  });
  return { desk, asked };
}

/** As another gateway files it. */
async function filed(holds: Holds): Promise<Hold> {
  const now = await holds.store.now();
  const id = newId("hold", now);
  const approval = sampleApproval({
    id: newId("apr", now),
    hold: id,
    createdAt: now,
    expires_at: now + 3_600_000,
  });
  const hold = sampleHold({ id, createdAt: now, attachKey: id, approvals: [approval] });
  assert.equal(await holds.file(hold, noCaps, entries(1)), "filed");
  return hold;
}

function rejected(hold: Hold): Hold {
  return { ...hold, approvals: hold.approvals.map((one) => ({ ...one, state: "rejected", decided_at: 1 })) };
}

describe("what another gateway decides", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test("wakes who waits for it, and none of a thousand others", async (t) => {
    const database = await cluster.newDatabase();
    const [one, other] = [await openOn(cluster, database), await openOn(cluster, database)];
    t.after(() => Promise.all([one.close(), other.close()]));
    await one.log.takeOver("inst_1");
    const theirs = holdsOf(one.approvals);
    const holds: Hold[] = [];
    while (holds.length < 1_000)
      holds.push(...(await Promise.all(Array.from({ length: 20 }, () => filed(theirs)))));
    const { desk, asked } = waitingDesk(other.approvals);
    other.changes?.watch("approvals", (which) => desk.lookAgain(which));
    await other.changes?.start();
    const gone = new AbortController();
    t.after(() => gone.abort());
    const times = (name: string): number => asked.filter((one) => one === name).length;
    const before = times("now");
    const waits: Promise<string>[] = [];
    for (const { id } of holds) {
      waits.push(desk.wait(id, { signal: gone.signal, ms: 3_600_000 }));
      // No more at once than the database answers in time, however busy the machine is.
      while (times("now") < before + waits.length - 20) await new Promise(setImmediate);
    }
    while (times("now") < before + waits.length) await new Promise(setImmediate);

    asked.length = 0;
    const decided = holds.slice(0, 10);
    for (const hold of decided) {
      const { outcome } = await theirs.change(hold, rejected(hold), [entry()]);
      assert.equal(outcome, "changed");
    }
    assert.deepEqual(new Set(await Promise.all(waits.slice(0, 10))), new Set(["settled"]));
    assert.equal(times("hold"), 10);
    assert.ok(asked.length < 50, asked.join());
    assert.equal(desk.waiting, 990);

    gone.abort();
    await Promise.allSettled(waits);
  });

  test("is found by a retry as soon as it was filed, by one look at what is new", async (t) => {
    const database = await cluster.newDatabase();
    const [one, other] = [await openOn(cluster, database), await openOn(cluster, database)];
    t.after(() => Promise.all([one.close(), other.close()]));
    await one.log.takeOver("inst_1");
    const theirs = holdsOf(one.approvals);
    const { desk, asked } = waitingDesk(other.approvals);
    const told = new Set<string>();
    let look = (): void => {};
    other.changes?.watch("approvals", async (which) => {
      await desk.lookAgain(which);
      for (const id of which ?? []) told.add(id);
      look();
    });
    await other.changes?.start();
    assert.equal(desk.mayJoin("assistant", await other.approvals.now()), false);
    asked.length = 0;
    const hold = await filed(theirs);
    while (!told.has(hold.id)) await new Promise<void>((resolve) => (look = resolve));
    assert.equal(desk.mayJoin("assistant", await other.approvals.now()), true);
    assert.deepEqual(asked, ["list"]);
  });
});
