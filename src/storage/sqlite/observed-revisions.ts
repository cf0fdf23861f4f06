// The policy revisions that a database keeps, looked at beside its gateway or in a copy: takes no lock and changes nothing.

import { rowOf, text } from "../rows/row.ts";
import { openDatabaseReadOnly } from "./database.ts";

export interface ObservedRevisions {
  /** What is kept under the hash, or null. */
  contentOf(revision: string): string | null;
  close(): void;
}

/** Throws `OperatorError` when there is no database in the folder that this version can read. */
export function observeSqliteRevisions(folder: string): ObservedRevisions {
  const database = openDatabaseReadOnly(folder);
  return {
    contentOf: (revision) => {
      const row = rowOf(
        database.prepare("SELECT content FROM policy_revisions WHERE revision = ?").get(revision),
      );
      return row === null ? null : text(row, "content");
    },
    close: () => database.close(),
  };
}
