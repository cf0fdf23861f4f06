// Holds on their way into the store and out of it. Whoever can write the database must not be able to approve anything:
// a MAC over all that is kept of a hold shows that it was written by us, and what does not bear it is not looked at.
// (A hold set back to what it was before bears its MAC. The trail shows that: what was released has its votes there.)

import { createHmac, hash } from "node:crypto";
import type { SecretValue } from "../core/secret-value.ts";
import {
  type Approval,
  type ApprovalRecord,
  approvalRecord,
  type Hold,
  holdRecord,
  joinableUntil,
  type ListedApproval,
} from "./approval.ts";
import { type ApprovalState, approvalStates, isFinal } from "./approval-states.ts";
import type { ApprovalRow, KeptHold, ListedRow } from "./approval-store.ts";

/** Null when it was changed in the store by somebody else. */
export function holdOf(kept: KeptHold, macKey: SecretValue): Hold | null {
  if (macOf(kept, macKey) !== kept.hold.mac) return null;
  const { id, version, call, application, attachKey, createdAt, content: sealed } = kept.hold;
  const record = holdRecord.parse(JSON.parse(kept.hold.record));
  const approvals = kept.approvals.map(approvalOf);
  return { id, version, call, application, attachKey, createdAt, ...record, approvals, sealed };
}

function approvalOf(row: ApprovalRow): Approval {
  return { ...listedOf(row), sealed: row.content };
}

export function listedOf(row: ListedRow): ListedApproval {
  const { id, revision, hold, application, user, conversation, fingerprint, createdAt } = row;
  return {
    ...{ id, revision, hold, application, user, conversation, fingerprint, createdAt },
    ...recordOf(row),
    state: stateOf(row.state),
  };
}

export function recordOf({ record }: Pick<ApprovalRow, "record">): ApprovalRecord {
  return approvalRecord.parse(JSON.parse(record));
}

/** The rows of a hold, with their MAC. */
export function keptHoldOf(hold: Hold, macKey: SecretValue): KeptHold {
  const approvals = hold.approvals.map(approvalRow);
  const { id, version, call, application, attachKey, createdAt, sealed: content } = hold;
  const record = JSON.stringify(holdRecord.parse(picked(hold, Object.keys(holdRecord.shape))));
  const times = { createdAt, dueAt: dueAt(hold), overAt: overAt(hold) };
  const row = { id, version, call, application, attachKey, ...times, record, content };
  return { hold: { ...row, mac: macOf({ hold: { ...row, mac: "" }, approvals }, macKey) }, approvals };
}

function approvalRow(approval: Approval): ApprovalRow {
  const { id, revision, hold, state, application, user, conversation, fingerprint, createdAt } = approval;
  const record = JSON.stringify(approvalRecord.parse(picked(approval, Object.keys(approvalRecord.shape))));
  const columns = { id, revision, hold, state, application, user, conversation, fingerprint, createdAt };
  return { ...columns, record, content: approval.sealed };
}

function picked(value: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, Reflect.get(value, name)]));
}

/** When time changes something: a vote comes too late, or a release does. */
function dueAt({ approvals, usable_until }: Hold): number | null {
  const pending = approvals.filter(({ state }) => state === "pending");
  if (pending.length > 0) return Math.min(...pending.map((approval) => approval.expires_at));
  return approvals.some(({ state }) => state === "approved") ? usable_until : null;
}

/** When it is over for the gateway and for clients: what is removed later than this is missed by nobody who waits. */
function overAt(hold: Hold): number | null {
  return hold.approvals.every(({ state }) => isFinal(state)) ? joinableUntil(hold) : null;
}

function macOf({ hold, approvals }: KeptHold, macKey: SecretValue): string {
  // In an order of its own, whatever order they are kept or worked with in.
  const sorted = approvals.toSorted((one, other) =>
    one.id === other.id ? one.revision - other.revision : one.id < other.id ? -1 : 1,
  );
  const text = JSON.stringify([
    "portcullis/hold/v1",
    ...[hold.id, hold.version, hold.call, hold.application, hold.attachKey, hold.createdAt, hold.dueAt],
    ...[hold.overAt, hold.record, digestOf(hold.content)],
    ...sorted.map((row) => [
      ...[row.id, row.revision, row.hold, row.state, row.user, row.application, row.conversation],
      ...[row.fingerprint, row.createdAt, row.record, digestOf(row.content)],
    ]),
  ]);
  return macKey.useBytes((key) => createHmac("sha256", key).update(text).digest("hex"));
}

function digestOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

export function stateOf(text: string): ApprovalState {
  const state = approvalStates.find((one) => one === text);
  if (state === undefined) throw new Error(`\`${text}\` is no state of an approval`);
  return state;
}
