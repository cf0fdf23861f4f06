// Filing and changing holds on PostgreSQL, inside a transaction that appends. Such a one locks the head of the log before
// anything else, and whatever files, changes or activates policies is one: what it counts and compares holds when it commits.

import type { ApprovalCaps, ApprovalRow, HoldChange, HoldRow } from "../../approvals/approval-store.ts";
import { approvalColumns, approvalValues, holdColumns, holdValues } from "../rows/approval-rows.ts";
import {
  addedPending,
  type BeforeChange,
  firstToRemove,
  maxRemoved,
  strayApproval,
} from "../rows/approval-rules.ts";
import { integer, integerOrNull, text, textOrNull } from "../rows/row.ts";
import type { WriteTransaction } from "./write-transaction.ts";

/** Milliseconds since the epoch, never ahead of the database's clock. */
export const databaseNow = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/** Whether the caps leave room for these. */
export async function hasRoom(
  transaction: WriteTransaction,
  approvals: readonly ApprovalRow[],
  caps: ApprovalCaps,
): Promise<boolean> {
  for (const { application, user, added, atMost } of addedPending(approvals, caps)) {
    const [row] = await transaction.rows(countPending, [application, user]);
    if (integer(row ?? null, "pending") + added > atMost) return false;
  }
  return true;
}

/** The clock is read when the head is locked: no wait for others comes between it and the change. */
export async function beforeChange(
  transaction: WriteTransaction,
  { hold }: HoldChange,
): Promise<BeforeChange> {
  const [row] = await transaction.rows(
    `SELECT ${databaseNow} AS now, (SELECT version FROM holds WHERE id = $1) AS version,
       (SELECT revision FROM active_revision) AS revision`,
    [hold.id],
  );
  if (row === undefined) throw new TypeError("the database has given no time");
  return {
    version: integerOrNull(row, "version"),
    now: integer(row, "now"),
    revision: textOrNull(row, "revision"),
  };
}

/** Throws, with nothing written, when one of the approvals belongs to another hold. */
export async function putHold(
  transaction: WriteTransaction,
  how: "new" | "changed",
  hold: HoldRow,
  approvals: readonly ApprovalRow[],
): Promise<void> {
  const ids = approvals.map(({ id }) => id);
  const others = await transaction.rows(
    "SELECT FROM approvals WHERE id = ANY ($1::text[]) AND hold <> $2 LIMIT 1",
    [ids, hold.id],
  );
  if (others.length > 0) throw strayApproval();
  // All on their way at once: who appends waits behind them.
  await Promise.all([
    transaction.change(how === "new" ? insertHold : updateHold, holdValues(hold), `${how} hold`),
    ...approvals.flatMap((approval) => [
      transaction.change(putApproval, approvalValues(approval), "put approval"),
      transaction.change(outdate, [approval.id, approval.revision], "outdate approval"),
    ]),
  ]);
  await transaction.tell("approvals", hold.id);
}

/** How many. */
export async function removeOver(transaction: WriteTransaction, forMs: number): Promise<number> {
  const over = await transaction.rows(selectOver, [forMs, maxRemoved]);
  const ids = firstToRemove(over.map((row) => ({ id: text(row, "id"), bytes: integer(row, "bytes") })));
  if (ids.length === 0) return 0;
  await transaction.change("DELETE FROM approvals WHERE hold = ANY ($1::text[])", [ids]);
  return transaction.change("DELETE FROM holds WHERE id = ANY ($1::text[])", [ids]);
}

/** What is sealed is measured, not read. */
export const selectOver = `SELECT id, length(content) + (
    SELECT coalesce(sum(length(content)), 0) FROM approvals WHERE hold = holds.id
  ) AS bytes FROM holds WHERE over_at IS NOT NULL AND over_at <= (SELECT ${databaseNow}) - $1::bigint
  ORDER BY over_at, id LIMIT $2`;

export const countPending = `SELECT count(*) AS pending FROM approvals
  WHERE newest AND state = 'pending' AND application = $1 AND ($2::text IS NULL OR user_id = $2)`;

const insertHold = `INSERT INTO holds (${holdColumns.join(", ")})
  VALUES (${holdColumns.map((_, at) => `$${at + 1}`).join(", ")})`;

const updateHold = `UPDATE holds SET ${holdColumns.map((name, at) => `${name} = $${at + 1}`).join(", ")} WHERE id = $1`;

const putApproval = `
  INSERT INTO approvals (${approvalColumns.join(", ")}, newest)
  VALUES (${approvalColumns.map((_, at) => `$${at + 1}`).join(", ")},
    NOT EXISTS (SELECT FROM approvals WHERE id = $1 AND revision > $2))
  ON CONFLICT (id, revision) DO UPDATE
  SET ${[...approvalColumns, "newest"].map((name) => `${name} = excluded.${name}`).join(", ")}`;

const outdate = "UPDATE approvals SET newest = false WHERE id = $1 AND revision < $2 AND newest";
