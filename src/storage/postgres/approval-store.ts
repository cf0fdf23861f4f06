// Holds and their approvals on PostgreSQL. Times are the database's; other gateways are told of each change.

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
import type { EncodedEntry } from "../../core/entry.ts";
import { keptHoldOf, listedColumns, listedOf, selectKept } from "../rows/approval-rows.ts";
import { maxListed, outcomeOf, refuseOddFiling, refuseStrays } from "../rows/approval-rules.ts";
import { integer, text } from "../rows/row.ts";
import { beforeChange, databaseNow, hasRoom, putHold, removeOver } from "./approval-writes.ts";
import type { PostgresReader } from "./reader.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresApprovalStore implements ApprovalStore {
  readonly #reader: PostgresReader;
  readonly #writer: PostgresWriter;

  constructor(reader: PostgresReader, writer: PostgresWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async now(): Promise<number> {
    const [row] = await this.#reader.rows(`SELECT ${databaseNow} AS now`);
    return integer(row ?? null, "now");
  }

  file(
    hold: HoldRow,
    approvals: readonly ApprovalRow[],
    caps: ApprovalCaps,
    entries: readonly EncodedEntry[],
  ): Promise<"filed" | "full"> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      refuseOddFiling(hold, approvals);
      if (!(await hasRoom(transaction, approvals, caps))) return "full";
      await putHold(transaction, "new", hold, approvals);
      transaction.append(entries);
      return "filed";
    });
  }

  async hold(id: string): Promise<KeptHold | null> {
    return keptHoldOf(await this.#reader.rows(selectHold, [id]));
  }

  async holdOfApproval(id: string): Promise<KeptHold | null> {
    return keptHoldOf(await this.#reader.rows(selectHoldOfApproval, [id]));
  }

  async holdByAttachKey(attachKey: string): Promise<KeptHold | null> {
    return keptHoldOf(await this.#reader.rows(selectHoldByAttachKey, [attachKey]));
  }

  change(change: HoldChange, entries: readonly EncodedEntry[]): Promise<ChangeOutcome> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      const { hold, approvals } = change;
      refuseStrays(hold, approvals);
      const outcome = outcomeOf(change, await beforeChange(transaction, change));
      if (outcome !== "changed") return outcome;
      await putHold(transaction, "changed", hold, approvals);
      transaction.append(entries);
      return outcome;
    });
  }

  async list({ states, after = "", limit }: ApprovalQuery): Promise<readonly ListedRow[]> {
    const most = Math.min(limit, maxListed);
    const rows =
      states === undefined
        ? await this.#reader.rows(selectListed, [after, most])
        : await this.#reader.rows(selectListedIn, [after, most, [...new Set(states)]]);
    return rows.map(listedOf);
  }

  async recent(
    application: string,
    { after, limit }: { readonly after: string; readonly limit: number },
  ): Promise<readonly Pick<ApprovalRow, "state" | "record">[]> {
    const rows = await this.#reader.rows(selectRecent, [application, after, Math.min(limit, maxListed)]);
    return rows.map((row) => ({ state: text(row, "state"), record: text(row, "record") }));
  }

  async due(limit: number): Promise<readonly string[]> {
    return (await this.#reader.rows(selectDue, [limit])).map((row) => text(row, "id"));
  }

  removeOver(forMs: number): Promise<number> {
    // As those that change holds: what is removed is not changed at the same time.
    return this.#writer.write(jobKinds.entries, (transaction) => removeOver(transaction, forMs));
  }

  async statesOf(conversation: string, fingerprint: string): Promise<readonly string[]> {
    const rows = await this.#reader.rows(selectStates, [conversation, fingerprint]);
    return rows.map((row) => text(row, "state"));
  }
}

export const selectHold = selectKept("$1");

export const selectHoldOfApproval = selectKept("(SELECT hold FROM approvals WHERE id = $1 LIMIT 1)");

export const selectHoldByAttachKey = selectKept(
  "(SELECT id FROM holds WHERE attach_key = $1 ORDER BY created_at DESC, id DESC LIMIT 1)",
);

export const selectListed = `SELECT ${listedColumns} FROM approvals WHERE newest AND id > $1 ORDER BY id LIMIT $2`;

/** The first of each state are found by the index, however many there are. */
export const selectListedIn = `SELECT listed.* FROM unnest($3::text[]) AS wanted (state) CROSS JOIN LATERAL (
    SELECT ${listedColumns} FROM approvals WHERE newest AND approvals.state = wanted.state AND id > $1 ORDER BY id LIMIT $2
  ) AS listed ORDER BY listed.id LIMIT $2`;

export const selectRecent =
  "SELECT state, record FROM approvals WHERE newest AND application = $1 AND id > $2 ORDER BY id DESC LIMIT $3";

// The clock in a query of its own: read for each row it would keep the index from being used.
export const selectDue = `SELECT id FROM holds WHERE due_at IS NOT NULL AND due_at <= (SELECT ${databaseNow})
  ORDER BY due_at, id LIMIT $1`;

export const selectStates =
  "SELECT DISTINCT state FROM approvals WHERE newest AND conversation = $1 AND fingerprint = $2 ORDER BY state";
