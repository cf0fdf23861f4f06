// Subjects and encrypted payloads on SQLite, apart from the leaves so that they can be erased.

import type { DatabaseSync } from "node:sqlite";
import type { Payload, PayloadStore, Subject, SubjectKind } from "../../audit/payload-store.ts";
import { blob, type Row, rowOf, text } from "./row.ts";
import type { SqliteWriter } from "./writer.ts";

export class SqlitePayloadStore implements PayloadStore {
  readonly #database: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #writer: SqliteWriter;

  constructor(database: DatabaseSync, reader: DatabaseSync, writer: SqliteWriter) {
    this.#database = database;
    this.#reader = reader;
    this.#writer = writer;
  }

  ensureSubject(subject: Subject): Promise<Subject> {
    return this.#writer.write(() => {
      this.#database
        .prepare("INSERT INTO subjects VALUES (?, ?, ?, ?, ?) ON CONFLICT (lookup) DO NOTHING")
        .run(subject.id, subject.kind, subject.lookup, subject.name, subject.wrappedKey);
      const row = rowOf(
        this.#database.prepare("SELECT * FROM subjects WHERE lookup = ?").get(subject.lookup),
      );
      return row === null ? subject : subjectOf(row);
    });
  }

  async subjectByLookup(lookup: Uint8Array): Promise<Subject | null> {
    const row = rowOf(this.#reader.prepare("SELECT * FROM subjects WHERE lookup = ?").get(lookup));
    return row === null ? null : subjectOf(row);
  }

  async subjectById(id: string): Promise<Subject | null> {
    const row = rowOf(this.#reader.prepare("SELECT * FROM subjects WHERE id = ?").get(id));
    return row === null ? null : subjectOf(row);
  }

  async keyCheck(name: string): Promise<Uint8Array | null> {
    const row = rowOf(this.#reader.prepare("SELECT value FROM key_checks WHERE name = ?").get(name));
    return row === null ? null : blob(row, "value");
  }

  ensureKeyCheck(name: string, value: Uint8Array): Promise<Uint8Array> {
    return this.#writer.write(() => {
      this.#database
        .prepare("INSERT INTO key_checks VALUES (?, ?) ON CONFLICT (name) DO NOTHING")
        .run(name, value);
      const row = rowOf(this.#database.prepare("SELECT value FROM key_checks WHERE name = ?").get(name));
      return row === null ? value : blob(row, "value");
    });
  }

  putPayloads(payloads: readonly Payload[]): Promise<void> {
    return this.#writer.write(() => {
      const insert = this.#database.prepare("INSERT OR REPLACE INTO payloads VALUES (?, ?, ?, ?)");
      for (const { entryId, field, subject, ciphertext } of payloads)
        insert.run(entryId, field, subject, ciphertext);
    });
  }

  async payloadsOf(entryId: string): Promise<readonly Payload[]> {
    const rows = this.#reader.prepare("SELECT * FROM payloads WHERE entry = ? ORDER BY field").all(entryId);
    return rows.map((row) => ({
      entryId: text(row, "entry"),
      field: text(row, "field"),
      subject: text(row, "subject"),
      ciphertext: blob(row, "ciphertext"),
    }));
  }
}

function subjectOf(row: Row): Subject {
  return {
    id: text(row, "id"),
    kind: kindOf(text(row, "kind")),
    lookup: blob(row, "lookup"),
    name: blob(row, "name"),
    wrappedKey: blob(row, "wrapped_key"),
  };
}

function kindOf(kind: string): SubjectKind {
  if (kind === "application" || kind === "user" || kind === "operator") return kind;
  throw new TypeError("a subject is of no known kind");
}
