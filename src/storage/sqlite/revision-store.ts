// Activated policy revisions on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type { RevisionRecord, RevisionStore } from "../../policy/revision-store.ts";
import type { LogAppender } from "./log-appender.ts";
import { integer, rowOf, text } from "./row.ts";
import type { SqliteWriter } from "./writer.ts";

export class SqliteRevisionStore implements RevisionStore {
  readonly #database: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #writer: SqliteWriter;
  readonly #appender: LogAppender;

  constructor(database: DatabaseSync, reader: DatabaseSync, writer: SqliteWriter, appender: LogAppender) {
    this.#database = database;
    this.#reader = reader;
    this.#writer = writer;
    this.#appender = appender;
  }

  async active(): Promise<string | null> {
    const row = rowOf(this.#reader.prepare("SELECT revision FROM active_revision").get());
    return row === null ? null : text(row, "revision");
  }

  activate(record: RevisionRecord, entry: EncodedEntry): Promise<void> {
    return this.#writer.write(() => {
      this.#database
        .prepare(`INSERT INTO policy_revisions VALUES (?, ?, ?)
           ON CONFLICT (revision) DO UPDATE SET content = excluded.content WHERE content <> excluded.content`)
        .run(record.revision, record.content, record.activatedAt);
      this.#database.prepare("INSERT OR REPLACE INTO active_revision VALUES (1, ?)").run(record.revision);
      this.#appender.append([entry]);
    });
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
