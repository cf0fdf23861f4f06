// What the contract suite holds, and who files and changes it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type {
  ApprovalCaps,
  ApprovalRow,
  ApprovalStore,
  HoldChange,
  HoldRow,
  KeptHold,
} from "../../approvals/approval-store.ts";
import { newId } from "../../core/id.ts";
import type { Storage } from "../storage.ts";
import type { StorageUnderTest } from "./driver.ts";
import { entry, hex } from "./samples.ts";

export const noCaps: ApprovalCaps = { perApplication: 1_000_000, perUser: 1_000_000 };

export function holdRow(changes: Partial<HoldRow> = {}): HoldRow {
  return {
    id: newId("hold", Date.now()),
    version: 1,
    call: newId("call", Date.now()),
    application: "shop",
    attachKey: randomBytes(32).toString("hex"),
    createdAt: 1_700_000_000_000,
    dueAt: null,
    overAt: null,
    record: "{}",
    mac: randomBytes(32).toString("hex"),
    content: randomBytes(40),
    ...changes,
  };
}

export function approvalRow(hold: HoldRow, changes: Partial<ApprovalRow> = {}): ApprovalRow {
  return {
    id: newId("apr", Date.now()),
    revision: 1,
    hold: hold.id,
    state: "pending",
    user: "sub_1",
    application: hold.application,
    conversation: "c0",
    fingerprint: "f0",
    createdAt: hold.createdAt,
    record: "{}",
    content: randomBytes(30),
    ...changes,
  };
}

/** Files a hold with one approval. */
export async function filed(
  store: ApprovalStore,
  changes: Partial<HoldRow> = {},
  ofApproval: Partial<ApprovalRow> = {},
): Promise<{ readonly hold: HoldRow; readonly approval: ApprovalRow }> {
  const hold = holdRow(changes);
  const approval = approvalRow(hold, ofApproval);
  await store.file(hold, [approval], noCaps, [entry()]);
  return { hold, approval };
}

export function changeOf(
  before: HoldRow,
  changes: Partial<HoldRow> = {},
  rest: Partial<HoldChange> = {},
): HoldChange {
  const hold = { ...before, version: before.version + 1, ...changes };
  return { hold, approvals: [], from: null, until: null, revision: null, ...rest };
}

/** All that may write at once: where gateways take over from each other that is one of them. */
export async function writersOf(stores: Storage, opened: StorageUnderTest): Promise<readonly Storage[]> {
  if (stores.changes === null) return [stores];
  const rivals = [await opened.rival(), await opened.rival()];
  for (const [at, rival] of rivals.entries()) await rival.log.takeOver(`inst_rival_${at}`);
  return [stores, ...rivals];
}

/** One after the other, again and again. */
export function turnOf(writers: readonly Storage[], at: number): Storage {
  const writer = writers[at % writers.length];
  assert.ok(writer !== undefined);
  return writer;
}

export function comparable(kept: KeptHold | null): unknown {
  if (kept === null) return null;
  const { hold, approvals } = kept;
  return { hold: { ...hold, content: hex(hold.content) }, approvals: approvals.map(comparableApproval) };
}

export function comparableApproval(approval: ApprovalRow): unknown {
  return { ...approval, content: hex(approval.content) };
}
