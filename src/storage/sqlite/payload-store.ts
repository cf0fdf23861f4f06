// Subjects and encrypted payloads on SQLite, apart from the leaves so that they can be erased.

import type { DatabaseSync } from "node:sqlite";
import type { KeptEntry, Payload, PayloadStore, Subject } from "../../audit/payload-store.ts";
import { writable } from "../read-only.ts";
import { blob, integer, rowOf, text } from "../rows/row.ts";
import { subjectOf } from "../rows/subject-row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqlitePayloadStore implements PayloadStore {
  readonly #reader: DatabaseSync;
  /** Null on a database that is open for reading only. */
  readonly #writes: WriteSide["payloads"] | null;

  constructor(reader: DatabaseSync, writes: WriteSide["payloads"] | null) {
    this.#reader = reader;
    this.#writes = writes;
  }

  ensureSubject(subject: Subject): Promise<Subject> {
    return writable(this.#writes).ensureSubject(subject);
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
    return writable(this.#writes).ensureKeyCheck(name, value);
  }

  putPayloads(payloads: readonly Payload[]): Promise<void> {
    return writable(this.#writes).putPayloads(payloads);
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

  async keptEntries(after: string, before: string): Promise<readonly KeptEntry[]> {
    const rows = this.#reader
      .prepare(
        "SELECT entry, sum(length(ciphertext)) AS bytes FROM payloads WHERE entry > ? AND entry < ? GROUP BY entry ORDER BY entry LIMIT 100",
      )
      .all(after, before);
    return rows.map((row) => ({ entryId: text(row, "entry"), bytes: integer(row, "bytes") }));
  }

  removePayloads(entryIds: readonly string[]): Promise<void> {
    return writable(this.#writes).removePayloads(entryIds);
  }
}
