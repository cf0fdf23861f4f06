// Filing and changing holds, each together with its entries of the trail.

import type { StatementSync } from "node:sqlite";
import type {
  ApprovalCaps,
  ApprovalRow,
  ApprovalStore,
  ChangeOutcome,
  HoldChange,
  HoldRow,
} from "../../approvals/approval-store.ts";
import { systemClock } from "../../core/clock.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { approvalColumns, approvalValues, holdColumns, holdValues } from "../rows/approval-rows.ts";
import {
  type AddedPending,
  addedPending,
  type BeforeChange,
  firstToRemove,
  maxRemoved,
  outcomeOf,
  refuseOddFiling,
  refuseStrays,
  strayApproval,
} from "../rows/approval-rules.ts";
import { integer, rowOf, text } from "../rows/row.ts";
import type { Writing } from "./writing.ts";

export class ApprovalWrites implements Pick<ApprovalStore, "file" | "change" | "removeOver"> {
  readonly #writing: Writing;
  readonly #pending: StatementSync;
  readonly #version: StatementSync;
  readonly #activeRevision: StatementSync;
  readonly #stray: StatementSync;
  readonly #putHold: StatementSync;
  readonly #changeHold: StatementSync;
  readonly #putApproval: StatementSync;
  readonly #outdate: StatementSync;
  readonly #over: StatementSync;
  readonly #removeApprovals: StatementSync;
  readonly #removeHold: StatementSync;

  constructor(writing: Writing) {
    const { database } = writing;
    this.#writing = writing;
    this.#pending = database.prepare(countPending);
    this.#version = database.prepare("SELECT version FROM holds WHERE id = ?");
    this.#activeRevision = database.prepare("SELECT revision FROM active_revision");
    this.#stray = database.prepare("SELECT 1 FROM approvals WHERE id = ? AND hold <> ? LIMIT 1");
    this.#putHold = database.prepare(
      `INSERT INTO holds (${holdColumns.join(", ")}) VALUES (${holdColumns.map(() => "?").join(", ")})`,
    );
    this.#changeHold = database.prepare(
      `UPDATE holds SET ${holdColumns.map((name, at) => `${name} = ?${at + 1}`).join(", ")} WHERE id = ?1`,
    );
    this.#putApproval = database.prepare(putApprovalSql);
    this.#outdate = database.prepare(
      "UPDATE approvals SET newest = 0 WHERE id = ? AND revision < ? AND newest = 1",
    );
    this.#over = database.prepare(selectOver);
    this.#removeApprovals = database.prepare("DELETE FROM approvals WHERE hold = ?");
    this.#removeHold = database.prepare("DELETE FROM holds WHERE id = ?");
  }

  file(
    hold: HoldRow,
    approvals: readonly ApprovalRow[],
    caps: ApprovalCaps,
    entries: readonly EncodedEntry[],
  ): Promise<"filed" | "full"> {
    return this.#writing.writer.write(() => {
      refuseOddFiling(hold, approvals);
      if (!addedPending(approvals, caps).every((one) => this.#hasRoom(one))) return "full";
      this.#refuseOthers(hold, approvals);
      this.#putHold.run(...holdValues(hold));
      for (const approval of approvals) this.#put(approval);
      this.#writing.appender.append(entries);
      return "filed";
    });
  }

  change(change: HoldChange, entries: readonly EncodedEntry[]): Promise<ChangeOutcome> {
    return this.#writing.writer.write(() => {
      const { hold, approvals } = change;
      refuseStrays(hold, approvals);
      const outcome = outcomeOf(change, this.#before(hold.id));
      if (outcome !== "changed") return outcome;
      this.#refuseOthers(hold, approvals);
      this.#changeHold.run(...holdValues(hold));
      for (const approval of approvals) this.#put(approval);
      this.#writing.appender.append(entries);
      return outcome;
    });
  }

  removeOver(forMs: number): Promise<number> {
    return this.#writing.writer.write(() => {
      const over = this.#over.all(systemClock.now() - forMs, maxRemoved);
      const ids = firstToRemove(over.map((row) => ({ id: text(row, "id"), bytes: integer(row, "bytes") })));
      for (const id of ids) {
        this.#removeApprovals.run(id);
        this.#removeHold.run(id);
      }
      return ids.length;
    });
  }

  #hasRoom({ application, user, added, atMost }: AddedPending): boolean {
    return integer(rowOf(this.#pending.get(application, user)), "pending") + added <= atMost;
  }

  #before(id: string): BeforeChange {
    const [hold, active] = [rowOf(this.#version.get(id)), rowOf(this.#activeRevision.get())];
    return {
      version: hold === null ? null : integer(hold, "version"),
      now: systemClock.now(),
      revision: active === null ? null : text(active, "revision"),
    };
  }

  #refuseOthers(hold: HoldRow, approvals: readonly ApprovalRow[]): void {
    for (const { id } of approvals) if (this.#stray.get(id, hold.id) !== undefined) throw strayApproval();
  }

  #put(approval: ApprovalRow): void {
    this.#putApproval.run(...approvalValues(approval));
    this.#outdate.run(approval.id, approval.revision);
  }
}

export const countPending = `SELECT count(*) AS pending FROM approvals
  WHERE newest = 1 AND state = 'pending' AND application = ?1 AND (?2 IS NULL OR user_id = ?2)`;

/** What is sealed is measured, not read. */
export const selectOver = `SELECT id, length(content) + (
    SELECT coalesce(sum(length(content)), 0) FROM approvals WHERE hold = holds.id
  ) AS bytes FROM holds WHERE over_at IS NOT NULL AND over_at <= ? ORDER BY over_at, id LIMIT ?`;

const putApprovalSql = `
  INSERT INTO approvals (${approvalColumns.join(", ")}, newest)
  VALUES (${approvalColumns.map((_, at) => `?${at + 1}`).join(", ")},
    NOT EXISTS (SELECT 1 FROM approvals WHERE id = ?1 AND revision > ?2))
  ON CONFLICT (id, revision) DO UPDATE
  SET ${[...approvalColumns, "newest"].map((name) => `${name} = excluded.${name}`).join(", ")}`;
