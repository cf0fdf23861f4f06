// Holds and their approvals on SQLite.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type {
  ApprovalCaps,
  ApprovalQuery,
  ApprovalRow,
  ApprovalStore,
  ChangeOutcome,
  HoldChange,
  HoldRow,
  KeptHold,
  ListedRow,
} from "../../approvals/approval-store.ts";
import { systemClock } from "../../core/clock.ts";
import type { EncodedEntry } from "../../core/entry.ts";
import { keptHoldOf, listedColumns, listedOf, selectKept } from "../rows/approval-rows.ts";
import { maxListed } from "../rows/approval-rules.ts";
import { text } from "../rows/row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteApprovalStore implements ApprovalStore {
  readonly #reader: DatabaseSync;
  readonly #writes: WriteSide["approvals"];

  constructor(reader: DatabaseSync, writes: WriteSide["approvals"]) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async now(): Promise<number> {
    return systemClock.now();
  }

  file(
    hold: HoldRow,
    approvals: readonly ApprovalRow[],
    caps: ApprovalCaps,
    entries: readonly EncodedEntry[],
  ): Promise<"filed" | "full"> {
    return this.#writes.file(hold, approvals, caps, entries);
  }

  async hold(id: string): Promise<KeptHold | null> {
    return this.#kept(selectHold, id);
  }

  async holdOfApproval(id: string): Promise<KeptHold | null> {
    return this.#kept(selectHoldOfApproval, id);
  }

  async holdByAttachKey(attachKey: string): Promise<KeptHold | null> {
    return this.#kept(selectHoldByAttachKey, attachKey);
  }

  change(change: HoldChange, entries: readonly EncodedEntry[]): Promise<ChangeOutcome> {
    return this.#writes.change(change, entries);
  }

  async list({ states, after = "", limit }: ApprovalQuery): Promise<readonly ListedRow[]> {
    const most = Math.min(limit, maxListed);
    if (states === undefined) return this.#rows(selectListed, after, most).map(listedOf);
    const wanted = [...new Set(states)];
    if (wanted.length === 0) return [];
    const ids = wanted.flatMap((state) => [state, after, most]);
    return this.#rows(selectListedIn(wanted.length), ...ids, most).map(listedOf);
  }

  async recent(
    application: string,
    { after, limit }: { readonly after: string; readonly limit: number },
  ): Promise<readonly Pick<ApprovalRow, "state" | "record">[]> {
    const rows = this.#rows(selectRecent, application, after, Math.min(limit, maxListed));
    return rows.map((row) => ({ state: text(row, "state"), record: text(row, "record") }));
  }

  async due(limit: number): Promise<readonly string[]> {
    return this.#rows(selectDue, systemClock.now(), limit).map((row) => text(row, "id"));
  }

  removeOver(forMs: number): Promise<number> {
    return this.#writes.removeOver(forMs);
  }

  async statesOf(conversation: string, fingerprint: string): Promise<readonly string[]> {
    return this.#rows(selectStates, conversation, fingerprint).map((row) => text(row, "state"));
  }

  #kept(sql: string, name: string): KeptHold | null {
    return keptHoldOf(this.#rows(sql, name));
  }

  #rows(sql: string, ...values: readonly SQLInputValue[]) {
    return this.#reader.prepare(sql).all(...values);
  }
}

export const selectHold = selectKept("?");

export const selectHoldOfApproval = selectKept("(SELECT hold FROM approvals WHERE id = ? LIMIT 1)");

export const selectHoldByAttachKey = selectKept(
  "(SELECT id FROM holds WHERE attach_key = ? ORDER BY created_at DESC, id DESC LIMIT 1)",
);

export const selectListed = `SELECT ${listedColumns} FROM approvals WHERE newest = 1 AND id > ? ORDER BY id LIMIT ?`;

/** In so many states. The first ids of each are found by the index, and only those that are listed are read. */
export function selectListedIn(states: number): string {
  const ids =
    "SELECT id FROM (SELECT id FROM approvals WHERE newest = 1 AND state = ? AND id > ? ORDER BY id LIMIT ?)";
  return `SELECT ${listedColumns} FROM approvals WHERE newest = 1 AND id IN (
      SELECT id FROM (${Array.from({ length: states }, () => ids).join(" UNION ALL ")}) ORDER BY id LIMIT ?
    ) ORDER BY id`;
}

export const selectRecent =
  "SELECT state, record FROM approvals WHERE newest = 1 AND application = ? AND id > ? ORDER BY id DESC LIMIT ?";

export const selectDue =
  "SELECT id FROM holds WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?";

export const selectStates =
  "SELECT DISTINCT state FROM approvals WHERE newest = 1 AND conversation = ? AND fingerprint = ? ORDER BY state";
