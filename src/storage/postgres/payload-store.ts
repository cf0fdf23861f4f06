// Subjects and encrypted payloads on PostgreSQL, apart from the leaves so that they can be erased.

import type { KeptEntry, Payload, PayloadStore, Subject } from "../../audit/payload-store.ts";
import { writable } from "../read-only.ts";
import { blob, integer, text } from "../rows/row.ts";
import { subjectOf } from "../rows/subject-row.ts";
import type { PostgresReader } from "./reader.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresPayloadStore implements PayloadStore {
  readonly #reader: PostgresReader;
  /** Null on a database that is open for reading only. */
  readonly #writer: PostgresWriter | null;

  constructor(reader: PostgresReader, writer: PostgresWriter | null) {
    this.#reader = reader;
    this.#writer = writer;
  }

  ensureSubject(subject: Subject): Promise<Subject> {
    return writable(this.#writer).write(jobKinds.rows, async (transaction) => {
      await transaction.change(
        "INSERT INTO subjects VALUES ($1, $2, $3, $4, $5) ON CONFLICT (lookup) DO NOTHING",
        [
          subject.id,
          subject.kind,
          Buffer.from(subject.lookup),
          Buffer.from(subject.name),
          Buffer.from(subject.wrappedKey),
        ],
      );
      const [row] = await transaction.rows(byLookup, [Buffer.from(subject.lookup)]);
      return row === undefined ? subject : subjectOf(row);
    });
  }

  async subjectByLookup(lookup: Uint8Array): Promise<Subject | null> {
    const [row] = await this.#reader.rows(byLookup, [Buffer.from(lookup)]);
    return row === undefined ? null : subjectOf(row);
  }

  async subjectById(id: string): Promise<Subject | null> {
    const [row] = await this.#reader.rows("SELECT * FROM subjects WHERE id = $1", [id]);
    return row === undefined ? null : subjectOf(row);
  }

  async keyCheck(name: string): Promise<Uint8Array | null> {
    const [row] = await this.#reader.rows("SELECT value FROM key_checks WHERE name = $1", [name]);
    return row === undefined ? null : blob(row, "value");
  }

  ensureKeyCheck(name: string, value: Uint8Array): Promise<Uint8Array> {
    return writable(this.#writer).write(jobKinds.rows, async (transaction) => {
      await transaction.change("INSERT INTO key_checks VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [
        name,
        Buffer.from(value),
      ]);
      const [row] = await transaction.rows("SELECT value FROM key_checks WHERE name = $1", [name]);
      return row === undefined ? value : blob(row, "value");
    });
  }

  putPayloads(payloads: readonly Payload[]): Promise<void> {
    return writable(this.#writer).write(jobKinds.rows, async (transaction) => {
      // All on their way at once: the entries of calls wait behind them.
      await Promise.all(
        payloads.map(({ entryId, field, subject, ciphertext }) =>
          transaction.change(
            `INSERT INTO payloads VALUES ($1, $2, $3, $4)
             ON CONFLICT (entry, field) DO UPDATE SET subject = excluded.subject, ciphertext = excluded.ciphertext`,
            [entryId, field, subject, ciphertext],
            "put payload",
          ),
        ),
      );
    });
  }

  async payloadsOf(entryId: string): Promise<readonly Payload[]> {
    const rows = await this.#reader.rows("SELECT * FROM payloads WHERE entry = $1 ORDER BY field", [entryId]);
    return rows.map((row) => ({
      entryId: text(row, "entry"),
      field: text(row, "field"),
      subject: text(row, "subject"),
      ciphertext: blob(row, "ciphertext"),
    }));
  }

  async keptEntries(after: string, before: string): Promise<readonly KeptEntry[]> {
    const rows = await this.#reader.rows(
      `SELECT entry, sum(length(ciphertext)) AS bytes FROM payloads WHERE entry > $1 AND entry < $2
       GROUP BY entry ORDER BY entry LIMIT 100`,
      [after, before],
    );
    return rows.map((row) => ({ entryId: text(row, "entry"), bytes: integer(row, "bytes") }));
  }

  removePayloads(entryIds: readonly string[]): Promise<void> {
    return writable(this.#writer).write(jobKinds.rows, async (transaction) => {
      await transaction.change("DELETE FROM payloads WHERE entry = ANY ($1::text[])", [entryIds]);
    });
  }
}

const byLookup = "SELECT * FROM subjects WHERE lookup = $1";
