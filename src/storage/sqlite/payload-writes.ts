// Keeping subjects and encrypted payloads.

import type { StatementSync } from "node:sqlite";
import type { Payload, PayloadStore, Subject } from "../../audit/payload-store.ts";
import { blob, rowOf } from "../rows/row.ts";
import { subjectOf } from "../rows/subject-row.ts";
import type { Writing } from "./writing.ts";

export class PayloadWrites
  implements Pick<PayloadStore, "ensureSubject" | "ensureKeyCheck" | "putPayloads" | "removePayloads">
{
  readonly #writing: Writing;
  readonly #put: StatementSync;

  constructor(writing: Writing) {
    this.#writing = writing;
    this.#put = writing.database.prepare("INSERT OR REPLACE INTO payloads VALUES (?, ?, ?, ?)");
  }

  ensureSubject(subject: Subject): Promise<Subject> {
    return this.#writing.writer.write(() => {
      this.#writing.database
        .prepare("INSERT INTO subjects VALUES (?, ?, ?, ?, ?) ON CONFLICT (lookup) DO NOTHING")
        .run(subject.id, subject.kind, subject.lookup, subject.name, subject.wrappedKey);
      const row = rowOf(
        this.#writing.database.prepare("SELECT * FROM subjects WHERE lookup = ?").get(subject.lookup),
      );
      return row === null ? subject : subjectOf(row);
    });
  }

  ensureKeyCheck(name: string, value: Uint8Array): Promise<Uint8Array> {
    return this.#writing.writer.write(() => {
      this.#writing.database
        .prepare("INSERT INTO key_checks VALUES (?, ?) ON CONFLICT (name) DO NOTHING")
        .run(name, value);
      const row = rowOf(
        this.#writing.database.prepare("SELECT value FROM key_checks WHERE name = ?").get(name),
      );
      return row === null ? value : blob(row, "value");
    });
  }

  putPayloads(payloads: readonly Payload[]): Promise<void> {
    return this.#writing.writer.write(() => {
      for (const { entryId, field, subject, ciphertext } of payloads)
        this.#put.run(entryId, field, subject, ciphertext);
    });
  }

  removePayloads(entryIds: readonly string[]): Promise<void> {
    return this.#writing.writer.write(() => {
      const remove = this.#writing.database.prepare("DELETE FROM payloads WHERE entry = ?");
      for (const entryId of entryIds) remove.run(entryId);
    });
  }
}
