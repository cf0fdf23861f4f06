// Activated policy revisions on PostgreSQL; other gateways are told of each.

import type { EncodedEntry } from "../../core/entry.ts";
import type { RevisionRecord, RevisionStore } from "../../policy/revision-store.ts";
import { writable } from "../read-only.ts";
import { integer, text } from "../rows/row.ts";
import type { PostgresReader } from "./reader.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresRevisionStore implements RevisionStore {
  readonly #reader: PostgresReader;
  /** Null on a database that is open for reading only. */
  readonly #writer: PostgresWriter | null;

  constructor(reader: PostgresReader, writer: PostgresWriter | null) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async active(): Promise<string | null> {
    const [row] = await this.#reader.rows("SELECT revision FROM active_revision");
    return row === undefined ? null : text(row, "revision");
  }

  activate(record: RevisionRecord, entry: EncodedEntry): Promise<void> {
    return writable(this.#writer).write(jobKinds.entries, async (transaction) => {
      await transaction.change(
        `INSERT INTO policy_revisions VALUES ($1, $2, $3) ON CONFLICT (revision)
         DO UPDATE SET content = excluded.content WHERE policy_revisions.content <> excluded.content`,
        [record.revision, record.content, record.activatedAt],
      );
      await transaction.change(
        "INSERT INTO active_revision VALUES (true, $1) ON CONFLICT (one) DO UPDATE SET revision = excluded.revision",
        [record.revision],
      );
      transaction.append([entry]);
      await transaction.tell("policies");
    });
  }

  async byRevision(revision: string): Promise<RevisionRecord | null> {
    const [row] = await this.#reader.rows("SELECT * FROM policy_revisions WHERE revision = $1", [revision]);
    if (row === undefined) return null;
    return {
      revision: text(row, "revision"),
      content: text(row, "content"),
      activatedAt: integer(row, "activated_at"),
    };
  }
}
