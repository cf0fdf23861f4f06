// Activating policy revisions.

import type { EncodedEntry } from "../../core/entry.ts";
import type { RevisionRecord, RevisionStore } from "../../policy/revision-store.ts";
import type { Writing } from "./writing.ts";

export class RevisionWrites implements Pick<RevisionStore, "activate"> {
  readonly #writing: Writing;

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  activate(record: RevisionRecord, entry: EncodedEntry): Promise<void> {
    const { database, writer, appender } = this.#writing;
    return writer.write(() => {
      database
        .prepare(`INSERT INTO policy_revisions VALUES (?, ?, ?)
           ON CONFLICT (revision) DO UPDATE SET content = excluded.content WHERE content <> excluded.content`)
        .run(record.revision, record.content, record.activatedAt);
      database.prepare("INSERT OR REPLACE INTO active_revision VALUES (1, ?)").run(record.revision);
      appender.append([entry]);
    });
  }
}
