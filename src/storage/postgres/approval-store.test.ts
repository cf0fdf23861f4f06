import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "pg";
import { approvalRow, changeOf, filed, holdRow, noCaps } from "../contract/approval-samples.ts";
import { entries } from "../contract/samples.ts";
import {
  selectDue,
  selectHold,
  selectHoldByAttachKey,
  selectHoldOfApproval,
  selectListed,
  selectListedIn,
  selectRecent,
  selectStates,
} from "./approval-store.ts";
import { countPending, selectOver } from "./approval-writes.ts";
import { skipWithoutPostgres, startCluster, type TestCluster } from "./cluster.test-support.ts";
import { openOn } from "./storage.test-support.ts";

/** What is asked, with what, and the index that finds it. */
const statements: readonly (readonly [string, readonly unknown[], string])[] = [
  [selectHold, ["hold_50000"], "holds_pkey"],
  [selectHoldOfApproval, ["apr_50000"], "approvals_pkey"],
  [selectHoldByAttachKey, ["50000"], "holds_by_attach_key"],
  [selectListed, ["apr_50000", 100], "approvals_pkey"],
  [selectListedIn, ["", 100, ["pending"]], "approvals_by_state"],
  [selectListedIn, ["apr_50000", 100, ["pending", "released"]], "approvals_by_state"],
  [selectDue, [100], "holds_by_due_time"],
  [selectOver, [0, 50], "holds_by_over_time"],
  [selectRecent, ["other", "", 100], "approvals_by_application"],
  [selectStates, ["c50000", "f"], "approvals_by_fingerprint"],
  [countPending, ["shop", null], "approvals_pending"],
];

const oldHolds = `
  INSERT INTO portcullis.holds SELECT 'hold_' || at, 1, 'call', 'shop', at, at, NULL, '{}', '', ''
  FROM generate_series(1, 100000) AS at;
  INSERT INTO portcullis.approvals
  SELECT 'apr_' || at, 1, 'hold_' || at, 'released', NULL, 'shop', 'c' || at, 'f', at, '{}', true, ''
  FROM generate_series(1, 100000) AS at;
  ANALYZE portcullis.holds, portcullis.approvals`;

describe("holds and approvals on a server", skipWithoutPostgres(), () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.close());

  test("no old one is read that is not asked for, however many there are", async (t) => {
    const database = await cluster.newDatabase();
    const storage = await openOn(cluster, database);
    t.after(() => storage.close());
    await cluster.query(database, oldHolds);
    const client = new Client({
      connectionString: cluster.url(database),
      options: "-c search_path=portcullis",
    });
    await client.connect();
    t.after(() => client.end());
    for (const [sql, values, index] of statements) {
      const { rows } = await client.query<Record<string, string>>(`EXPLAIN ${sql}`, [...values]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      assert.match(plan, new RegExp(`using ${index} on|on ${index} `), sql);
      assert.doesNotMatch(plan, /Seq Scan on (?:holds|approvals)/, sql);
    }
  });

  test("other gateways are told which hold was filed or changed, and of all of them when that was missed", async (t) => {
    const database = await cluster.newDatabase();
    const [one, other] = [await openOn(cluster, database), await openOn(cluster, database)];
    t.after(() => Promise.all([one.close(), other.close()]));
    await one.log.takeOver("one");
    const { changes } = other;
    assert.ok(changes !== null);
    const hold = holdRow();
    const row = approvalRow(hold);
    let [told, seen]: [() => void, string | undefined] = [() => {}, undefined];
    const looks: (readonly string[] | null)[] = [];
    const until = async (holds: () => boolean | undefined) => {
      while (holds() !== true)
        await new Promise<void>((resolve) => {
          told = resolve;
        });
    };
    const seenAs = (state: string) => until(() => seen === state);
    changes.watch("approvals", async (which) => {
      looks.push(which);
      seen = (await other.approvals.hold(hold.id))?.approvals[0]?.state;
      told();
    });
    await changes.start();
    assert.equal(seen, undefined);
    await one.approvals.file(hold, [row], noCaps, entries(1));
    await seenAs("pending");
    const approved = changeOf(hold, {}, { approvals: [{ ...row, state: "approved" }] });
    await one.approvals.change(approved, entries(1));
    await seenAs("approved");
    const { hold: second } = await filed(one.approvals);
    await until(() => looks.at(-1)?.includes(second.id));
    assert.deepEqual(looks, [null, [hold.id], [hold.id], [second.id]]);
    // As if a notice had been lost.
    await cluster.query(database, "UPDATE portcullis.changes SET count = count + 1 WHERE what = 'approvals'");
    const released = changeOf(approved.hold, {}, { approvals: [{ ...row, state: "released" }] });
    await one.approvals.change(released, entries(1));
    await seenAs("released");
    assert.ok(looks.slice(4).includes(null));
  });
});
