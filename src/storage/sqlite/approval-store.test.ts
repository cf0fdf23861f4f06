import assert from "node:assert/strict";
import { test } from "node:test";
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
import { openDatabase } from "./database.ts";
import { withFolder } from "./test-data.test-support.ts";

/** With the index that finds what it looks for. */
const statements: readonly (readonly [string, string])[] = [
  [selectHold, "sqlite_autoindex_holds_1 (id=?)"],
  [selectHoldOfApproval, "sqlite_autoindex_approvals_1 (id=?)"],
  [selectHoldByAttachKey, "holds_by_attach_key (attach_key=?)"],
  [selectListed, "sqlite_autoindex_approvals_1 (id>?)"],
  [selectListedIn(1), "approvals_by_state (state=? AND id>?)"],
  [selectListedIn(3), "approvals_by_state (state=? AND id>?)"],
  [selectDue, "holds_by_due_time (due_at>? AND due_at<?)"],
  [selectOver, "holds_by_over_time (over_at>? AND over_at<?)"],
  [selectRecent, "approvals_by_application (application=? AND id>?)"],
  [selectStates, "approvals_by_fingerprint (conversation=? AND fingerprint=?)"],
  [countPending, "approvals_pending (application=?)"],
];

test("no old hold or approval is read that is not asked for, however many there are", () =>
  withFolder(async (folder) => {
    const connections = openDatabase(folder);
    for (const [sql, index] of statements) {
      const plan = connections.reader.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
      const steps = plan.map(({ detail }) => String(detail));
      assert.ok(
        steps.some((step) => step.endsWith(`INDEX ${index}`)),
        `${sql}\n${steps.join("\n")}`,
      );
      const scanned = steps.filter((step) => /^SCAN (?!\(subquery)/.test(step));
      assert.deepEqual(scanned, [], sql);
    }
    connections.close();
  }));
