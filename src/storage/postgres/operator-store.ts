// Operators' tokens on PostgreSQL. Each change commits together with its entry of the trail, and other gateways are told of
// it.

import type { EncodedEntry } from "../../core/entry.ts";
import type {
  BootstrapEnd,
  KeptOperatorToken,
  OperatorStore,
  OperatorTokenEnd,
} from "../../identity/operator-store.ts";
import { bootstrapEndOf, operatorTokenOf, operatorTokenValues } from "../rows/operator-row.ts";
import { rowOf } from "../rows/row.ts";
import type { PostgresReader } from "./reader.ts";
import type { WriteTransaction } from "./write-transaction.ts";
import { jobKinds, type PostgresWriter } from "./writer.ts";

export class PostgresOperatorStore implements OperatorStore {
  readonly #reader: PostgresReader;
  readonly #writer: PostgresWriter;

  constructor(reader: PostgresReader, writer: PostgresWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async list(): Promise<readonly KeptOperatorToken[]> {
    const rows = await this.#reader.rows('SELECT * FROM operator_tokens ORDER BY created_at, id COLLATE "C"');
    return rows.map(operatorTokenOf);
  }

  invite(
    token: KeptOperatorToken,
    replaced: readonly OperatorTokenEnd[],
    entry: EncodedEntry,
  ): Promise<boolean> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      const changed = await transaction.change(
        "INSERT INTO operator_tokens VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (person, serial) DO NOTHING",
        operatorTokenValues(token),
      );
      if (changed !== 1) return false;
      for (const end of replaced) await endToken(transaction, end);
      await endVote(transaction, "operator_invited");
      transaction.append([entry]);
      await transaction.tell("operators");
      return true;
    });
  }

  remove(end: OperatorTokenEnd, entry: EncodedEntry): Promise<boolean> {
    return this.#writer.write(jobKinds.entries, async (transaction) => {
      if (!(await endToken(transaction, end))) return false;
      transaction.append([entry]);
      await transaction.tell("operators");
      return true;
    });
  }

  async bootstrapEnd(): Promise<BootstrapEnd | null> {
    const [row] = await this.#reader.rows("SELECT ended_by FROM bootstrap_vote");
    return bootstrapEndOf(rowOf(row));
  }

  endBootstrap(why: BootstrapEnd): Promise<void> {
    return this.#writer.write(jobKinds.rows, async (transaction) => {
      if ((await endVote(transaction, why)) === 1) await transaction.tell("operators");
    });
  }
}

async function endToken(
  transaction: WriteTransaction,
  { id, at, from, to }: OperatorTokenEnd,
): Promise<boolean> {
  const changed = await transaction.change(
    "UPDATE operator_tokens SET revoked_at = $1, mac = $2 WHERE id = $3 AND mac = $4 AND revoked_at IS NULL",
    [at, to, id, from],
  );
  return changed === 1;
}

function endVote(transaction: WriteTransaction, why: BootstrapEnd): Promise<number> {
  return transaction.change("INSERT INTO bootstrap_vote VALUES (true, $1) ON CONFLICT DO NOTHING", [why]);
}
