// Activated policy revisions on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type { RevisionRecord, RevisionStore } from "../../policy/revision-store.ts";
import { writable } from "../read-only.ts";
import { integer, rowOf, text } from "../rows/row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteRevisionStore implements RevisionStore {
  readonly #reader: DatabaseSync;
  /** Null on a database that is open for reading only. */
  readonly #writes: WriteSide["revisions"] | null;

  constructor(reader: DatabaseSync, writes: WriteSide["revisions"] | null) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async active(): Promise<string | null> {
    const row = rowOf(this.#reader.prepare("SELECT revision FROM active_revision").get());
    return row === null ? null : text(row, "revision");
  }

  activate(record: RevisionRecord, entry: EncodedEntry): Promise<void> {
    return writable(this.#writes).activate(record, entry);
  }

  async byRevision(revision: string): Promise<RevisionRecord | null> {
    const row = rowOf(
      this.#reader.prepare("SELECT * FROM policy_revisions WHERE revision = ?").get(revision),
    );
    if (row === null) return null;
    return {
      revision: text(row, "revision"),
      content: text(row, "content"),
      activatedAt: integer(row, "activated_at"),
    };
  }
}
