// Operators' tokens on SQLite.

import type { DatabaseSync } from "node:sqlite";
import type { EncodedEntry } from "../../core/entry.ts";
import type {
  BootstrapEnd,
  KeptOperatorToken,
  OperatorStore,
  OperatorTokenEnd,
} from "../../identity/operator-store.ts";
import { bootstrapEndOf, operatorTokenOf } from "../rows/operator-row.ts";
import { rowOf } from "../rows/row.ts";
import type { WriteSide } from "./write-side.ts";

export class SqliteOperatorStore implements OperatorStore {
  readonly #reader: DatabaseSync;
  readonly #writes: WriteSide["operators"];

  constructor(reader: DatabaseSync, writes: WriteSide["operators"]) {
    this.#reader = reader;
    this.#writes = writes;
  }

  async list(): Promise<readonly KeptOperatorToken[]> {
    const rows = this.#reader.prepare("SELECT * FROM operator_tokens ORDER BY created_at, id").all();
    return rows.map(operatorTokenOf);
  }

  invite(
    token: KeptOperatorToken,
    replaced: readonly OperatorTokenEnd[],
    entry: EncodedEntry,
  ): Promise<boolean> {
    return this.#writes.invite(token, replaced, entry);
  }

  remove(end: OperatorTokenEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writes.remove(end, entry);
  }

  async bootstrapEnd(): Promise<BootstrapEnd | null> {
    return bootstrapEndOf(rowOf(this.#reader.prepare("SELECT ended_by FROM bootstrap_vote").get()));
  }

  endBootstrap(why: BootstrapEnd): Promise<void> {
    return this.#writes.endBootstrap(why);
  }
}
