// Holds and their approvals as their rows say them.

import type { ApprovalRow, HoldRow, KeptHold, ListedRow } from "../../approvals/approval-store.ts";
import { blob, integer, integerOrNull, type Row, text, textOrNull } from "./row.ts";

/** In the order in which `holdValues` gives them; the first is the key. */
export const holdColumns = [
  "id",
  "version",
  "call",
  "application",
  "attach_key",
  "created_at",
  "due_at",
  "over_at",
  "record",
  "mac",
  "content",
] as const;

/** In the order in which `approvalValues` gives them; the first two are the key. */
export const approvalColumns = [
  "id",
  "revision",
  "hold",
  "state",
  "user_id",
  "application",
  "conversation",
  "fingerprint",
  "created_at",
  "record",
  "content",
] as const;

/** What a list has of them. */
export const listedColumns = approvalColumns.filter((name) => name !== "content").join(", ");

/** Every row of these is one whole approval of the hold; the content of the hold stands in the first alone. */
export function selectKept(holdId: string): string {
  return `SELECT approval.*, hold.version, hold.call, hold.attach_key, hold.due_at, hold.over_at, hold.mac,
      hold.application AS hold_application, hold.created_at AS hold_created_at, hold.record AS hold_record,
      CASE WHEN NOT EXISTS (
        SELECT 1 FROM approvals AS before
        WHERE before.hold = hold.id AND (before.id, before.revision) < (approval.id, approval.revision)
      ) THEN hold.content END AS hold_content
    FROM holds AS hold JOIN approvals AS approval ON approval.hold = hold.id
    WHERE hold.id = ${holdId} ORDER BY approval.id, approval.revision`;
}

/** Of what `selectKept` found. */
export function keptHoldOf(rows: readonly Row[]): KeptHold | null {
  const [first] = rows;
  if (first === undefined) return null;
  return {
    hold: {
      id: text(first, "hold"),
      version: integer(first, "version"),
      call: text(first, "call"),
      application: text(first, "hold_application"),
      attachKey: text(first, "attach_key"),
      createdAt: integer(first, "hold_created_at"),
      dueAt: integerOrNull(first, "due_at"),
      overAt: integerOrNull(first, "over_at"),
      record: text(first, "hold_record"),
      mac: text(first, "mac"),
      content: blob(first, "hold_content"),
    },
    approvals: rows.map(approvalOf),
  };
}

function approvalOf(row: Row): ApprovalRow {
  return { ...listedOf(row), content: blob(row, "content") };
}

export function listedOf(row: Row): ListedRow {
  return {
    id: text(row, "id"),
    revision: integer(row, "revision"),
    hold: text(row, "hold"),
    state: text(row, "state"),
    user: textOrNull(row, "user_id"),
    application: text(row, "application"),
    conversation: text(row, "conversation"),
    fingerprint: text(row, "fingerprint"),
    createdAt: integer(row, "created_at"),
    record: text(row, "record"),
  };
}

export function holdValues(hold: HoldRow): (string | number | null | Uint8Array)[] {
  return [
    hold.id,
    hold.version,
    hold.call,
    hold.application,
    hold.attachKey,
    hold.createdAt,
    hold.dueAt,
    hold.overAt,
    hold.record,
    hold.mac,
    hold.content,
  ];
}

export function approvalValues(approval: ApprovalRow): (string | number | null | Uint8Array)[] {
  return [
    approval.id,
    approval.revision,
    approval.hold,
    approval.state,
    approval.user,
    approval.application,
    approval.conversation,
    approval.fingerprint,
    approval.createdAt,
    approval.record,
    approval.content,
  ];
}
